#!/usr/bin/env bash
# mlflow-skinny 3.17.2 beside packaging 26.1 and 26.4 (mlflow asks for packaging<27, so both are taken).
#
# Guess: mlflow strips the local label of an installed version, as its own log line says ("without the local version
# label to make it installable from PyPI"), whichever packaging is there.
# Seen: it does so by a subclass of packaging.version.Version whose property `local` answers None. str() of such an
# object leaves the label out up to packaging 26.1, and keeps it with 26.4. The requirements.txt of a model that was
# saved beside a torch for the CPU then says torch==2.13.0+cpu, which PyPI does not have; the log line still says
# that the label is gone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mlflow-skinny==3.17.2

pins() {
    "$folder/venv/bin/pip" install --quiet "packaging==$1"
    MLFLOW_DISABLE_TELEMETRY=true "$folder/venv/bin/python" - <<'PYTHON'
import mlflow.utils.requirements_utils as requirements
from packaging import __version__, version


class Unlabelled(version.Version):
    local = property(lambda self: None)


requirements._get_installed_version = lambda *_: "2.13.0+cpu"  # what a torch for the CPU says of itself
print(__version__, Unlabelled("2.13.0+cpu"), requirements._get_pinned_requirement("torch"))
PYTHON
}

for version in 26.1 26.4; do pins "$version"; done 2>"$folder/log" | tee "$folder/seen"
diff - "$folder/seen" <<'EXPECTED'
26.1 2.13.0 torch==2.13.0
26.4 2.13.0+cpu torch==2.13.0+cpu
EXPECTED
test "$(grep -c "as 'torch==2.13.0+cpu' without the local version label" "$folder/log")" = 1
