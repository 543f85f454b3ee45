#!/usr/bin/env bash
# torch 2.13.0 (AOTInductor, torch.export), NumPy 2.4.6; a C++ compiler on the machine
#
# One would guess: aoti_load_package() wants a file called .pt2, as aoti_compile_and_package() does, and where a package
# loads torch.export.load() reads the program in it.
# What happens: a package loads under any name (.pt, none). Packages and exported programs share suffix and form, and
# neither loader reads the other's: torch.export.load() says only that it ran into an error, torch.load() that a file is
# missing in a zip. What a .pt2 is only its content says.
#
# Seen:
#   x.pt and x: run; torch.export.load of the package: We ran into an error when deserializing the saved file
#   aoti_load_package of a program: Failed to find a generated cpp file or so file
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
venv/bin/python -W ignore - <<'PY'
import os
import shutil

import torch
from torch._inductor import aoti_compile_and_package, aoti_load_package

batch = torch.export.Dim("batch")
program = torch.export.export(torch.nn.Linear(3, 2).eval(), (torch.zeros(4, 3),), dynamic_shapes=({0: batch},))
torch.export.save(program, "program.pt2")
package = aoti_compile_and_package(program, package_path=os.path.abspath("package.pt2"))


def outcome(load, name):
    try:
        return tuple(load(name)(torch.ones(1, 3)).shape)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


seen = {}
for name in ("x.pt", "x"):
    shutil.copy(package, name)
    seen[name] = outcome(aoti_load_package, name)
seen["package"] = outcome(torch.export.load, package)
seen["program"] = outcome(aoti_load_package, "program.pt2")
try:
    aoti_compile_and_package(program, package_path=os.path.abspath("package.pt"))
    seen["written"] = "written"
except Exception as error:
    seen["written"] = f"{type(error).__name__}: {error}"
print({name: str(said)[:120] for name, said in seen.items()})
assert seen["x.pt"] == seen["x"] == (1, 2)
assert "We ran into an error when deserializing the saved file" in seen["package"]
assert "Failed to find a generated cpp file or so file" in seen["program"]
assert "pt2" in seen["written"]
PY
