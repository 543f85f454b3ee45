#!/usr/bin/env bash
# NumPy 2.4.6, with the gzip, lzma, bz2 and zipfile modules of Python 3.11 and 3.13.
#
# Guess: np.fromfile of gzip.open() gives the numbers that were written, as np.load of it does, or an error.
# Seen: it asks for the descriptor, which is the packed file's, and gives numbers made of the packed bytes, header
# included, without a word; of lzma.open() and bz2.open() too. A member of a zip, which has no descriptor, is an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet numpy==2.4.6
venv/bin/python - <<'PYTHON' | tee seen
import bz2
import gzip
import io
import lzma
import zipfile

import numpy as np

numbers = np.arange(1000, dtype="<u2")
saved = io.BytesIO()
np.save(saved, numbers)
for module in (gzip, lzma, bz2):
    name = f"numbers.{module.__name__}"
    with module.open(name, "wb") as file:
        file.write(numbers.tobytes())
    with module.open(name) as file:
        seen = np.fromfile(file, "<u2")
    with open(name, "rb") as file:
        packed = file.read()
    with module.open(f"saved.{module.__name__}", "wb") as file:
        file.write(saved.getvalue())
    with module.open(f"saved.{module.__name__}") as file:
        loaded = np.load(file)
    print(
        f"{module.__name__}: fromfile gives the numbers {np.array_equal(seen, numbers)},",
        f"the packed bytes {seen.tobytes() == packed[: seen.nbytes]};",
        f"load gives the numbers {np.array_equal(loaded, numbers)}",
    )
with zipfile.ZipFile("numbers.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("numbers", numbers.tobytes())
with zipfile.ZipFile("numbers.zip") as archive, archive.open("numbers") as member:
    try:
        np.fromfile(member, "<u2")
        print("zipfile: read")
    except OSError as error:
        print(f"zipfile: {type(error).__name__}")
PYTHON
diff - seen <<'EXPECTED'
gzip: fromfile gives the numbers False, the packed bytes True; load gives the numbers True
lzma: fromfile gives the numbers False, the packed bytes True; load gives the numbers True
bz2: fromfile gives the numbers False, the packed bytes True; load gives the numbers True
zipfile: UnsupportedOperation
EXPECTED
