#!/usr/bin/env bash
# NumPy 2.4.6, torch 2.13.0 beside it: both keep arrays as stored members of a zip, where they can be mapped.
#
# Guess: np.load(mmap_mode=) maps the arrays of an .npz, which np.savez does not compress, as torch.load(mmap=True) maps
# those of its zip; or it raises, as torch does for files that are no zip. With "r+", what is assigned is in the file.
# Seen: of an .npz the mode is not looked at, not even whether there is such a mode: arrays are read, may be written with
# "r", and with "r+" what is assigned is lost. Of an .npy all is as guessed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet numpy==2.4.6 torch==2.13.0
venv/bin/python - <<'PYTHON' | tee seen
import numpy as np
import torch


def load(name, mode):
    loaded = np.load(name, mmap_mode=mode)
    return loaded["w"] if name.endswith(".npz") else loaded


np.save("w.npy", np.zeros(4096, "f4"))
np.savez("w.npz", w=np.zeros(4096, "f4"))
for name in ("w.npy", "w.npz"):
    read = load(name, "r")
    written = load(name, "r+")
    written[0] = 7
    del written
    try:
        load(name, "no such mode")
        other = "read too"
    except ValueError as error:
        other = type(error).__name__
    kept = bool(load(name, None)[0] == 7)
    print(f"{name}: {type(read).__name__}, writable {read.flags.writeable}; r+ is kept {kept}; no mode: {other}")


def is_mapped(name):
    """Tell whether the process has mapped a file of this name after loading it."""
    weights = torch.load(name, mmap=True)
    with open("/proc/self/maps") as maps:
        return any(line.rstrip().endswith(name) for line in maps) and bool((weights["w"] == 0).all())


torch.save({"w": torch.zeros(4096)}, "w.pt")
torch.save({"w": torch.zeros(4096)}, "old.pt", _use_new_zipfile_serialization=False)
print(f"w.pt: mapped {is_mapped('w.pt')}")
try:
    is_mapped("old.pt")
except RuntimeError as error:
    print(f"old.pt: {type(error).__name__}")
PYTHON
diff - seen <<'EXPECTED'
w.npy: memmap, writable False; r+ is kept True; no mode: ValueError
w.npz: ndarray, writable True; r+ is kept False; no mode: read too
w.pt: mapped True
old.pt: RuntimeError
EXPECTED
