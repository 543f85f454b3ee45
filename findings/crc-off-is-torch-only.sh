#!/usr/bin/env bash
# torch 2.13.0
#
# One would guess: a switch that leaves out checksums leaves a file that every zip reader still reads, since the format
# has ways to say that there is none.
# What happens: torch.save() writes the sum 0 into every header. torch.load() does not look at sums and reads the file;
# Python's zipfile lists it, and refuses every member that is not empty. It is torch's own format from then on.
#
# Seen:
#   torch.load: the tensors; sums in the headers: {0}; zipfile: Bad CRC-32 for file 'weights/data.pkl'
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
venv/bin/python -W ignore - <<'PY'
import zipfile

import torch

torch.serialization.set_crc32_options(False)
torch.save({"w": torch.arange(3.0)}, "weights.pt")
assert torch.equal(torch.load("weights.pt")["w"], torch.arange(3.0))
with zipfile.ZipFile("weights.pt") as archive:
    sums = {member.CRC for member in archive.infolist()}
    try:
        archive.read("weights/data.pkl")
    except zipfile.BadZipFile as error:
        said = str(error)
    else:
        said = "read"
print(sums, said)
assert sums == {0}
assert said == "Bad CRC-32 for file 'weights/data.pkl'"
PY
