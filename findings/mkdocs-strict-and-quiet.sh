#!/usr/bin/env bash
# mkdocs 1.6.1
#
# One would guess: `--strict` makes an error of every warning, and `--quiet` shows fewer of them.
# What happens: warnings are counted by a handler of the logger whose level `--quiet` raises, so that both together
# take a site with a broken link for a good one.
#
# Seen: --strict: status 1; --strict --quiet: status 0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mkdocs==1.6.1
mkdir docs
echo '[a page that is not there](gone.md)' > docs/index.md
echo 'site_name: site' > mkdocs.yml
status() { venv/bin/mkdocs build "$@" > log 2>&1 && echo 0 || echo 1; }
strict=$(status --strict) both=$(status --strict --quiet)
echo "--strict: status $strict; --strict --quiet: status $both"
test "$strict $both" = '1 0'
