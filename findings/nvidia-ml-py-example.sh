#!/usr/bin/env bash
# nvidia-ml-py 13.615.71, by itself and as what pynvml 13.0.1 brings (the GPU metrics of TorchServe import pynvml).
#
# Guess: pynvml is a package of that name, and nvidia-ml-py brings the module pynvml and no other.
# Seen: nvidia-ml-py puts a second module at the top of site-packages, called example. `import example` works wherever
# NVIDIA's bindings are installed, without a GPU too: a handler's own helper example.py that was not packed is not
# missed by the import. pynvml 13 has no module pynvml of its own: it brings pynvml_utils and a redirector.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pynvml==13.0.1 nvidia-ml-py==13.615.71
"$folder/venv/bin/python" -I -W ignore - <<'PYTHON' | tee "$folder/seen"
import importlib.metadata

import example

for name in ("nvidia-ml-py", "pynvml"):
    files = importlib.metadata.files(name)
    print(name, sorted({file.parts[0] for file in files if file.suffix == ".py"}))
print("example is there, and has", "nvmlInit" if hasattr(example, "nvmlInit") else "no nvmlInit")
PYTHON
diff - "$folder/seen" <<'EXPECTED'
nvidia-ml-py ['example.py', 'pynvml.py']
pynvml ['_pynvml_redirector.py', 'pynvml_utils', 'site-packages']
example is there, and has nvmlInit
EXPECTED
