#!/usr/bin/env bash
# pip 26.3 on a requirements file whose --find-links names a folder that is not there.
#
# Guess: pip fails, since the file names a place that does not exist.
# Seen: where it has to look for something it warns that the location is ignored, goes on to the index and ends with
# 0; where all is installed already it says nothing, with --no-index neither. A -c that names an absent file is an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet pip==26.3
printf '%s\n' '--find-links wheels' iniconfig==2.1.0 >links.txt
printf '%s\n' '--no-index' '--find-links wheels' iniconfig >only.txt
printf '%s\n' '-c limits.txt' iniconfig >limits-absent.txt
for name in links links only limits-absent; do
    status=0
    venv/bin/pip install -r "$name.txt" >"$name.log" 2>&1 || status=$?
    ignored=no
    grep -q "WARNING: Location 'wheels' is ignored" "$name.log" && ignored=yes
    echo "$name: ends with $status, ignored: $ignored"
done | tee seen
diff - seen <<'EXPECTED'
links: ends with 0, ignored: yes
links: ends with 0, ignored: no
only: ends with 0, ignored: no
limits-absent: ends with 1, ignored: no
EXPECTED
