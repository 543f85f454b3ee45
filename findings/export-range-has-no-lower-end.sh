#!/usr/bin/env bash
# torch 2.13.0 (torch.export)
#
# One would guess: a program exported with Dim("batch", min=2, max=8) takes 2 to 8 rows and refuses others, with the
# RuntimeError that wrong shapes give everywhere in torch.
# What happens: 9 rows are refused, with an AssertionError; 1 row is taken and computed. Where an example has one row
# and the dimension is Dim.AUTO, the program is silently made for one row, and two fail the same way.
#
# Seen:
#   1 row: (1, 2);  9 rows: AssertionError Guard failed: input.size()[0] <= 8
#   Dim.AUTO from one row, 2 rows: AssertionError Guard failed: input.size()[0] == 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
venv/bin/python -W ignore - <<'PY'
import torch
from torch.export import Dim, export, load, save

model = torch.nn.Linear(3, 2).eval()


def exported(rows, batch):
    save(export(model, (torch.zeros(rows, 3),), dynamic_shapes=({0: batch},)), "model.pt2")
    return load("model.pt2").module()


def outcome(program, rows):
    try:
        return tuple(program(torch.zeros(rows, 3)).shape)
    except Exception as error:
        return f"{type(error).__name__} {error}"


ranged, auto = exported(3, Dim("batch", min=2, max=8)), exported(1, Dim.AUTO)
seen = {"1": outcome(ranged, 1), "8": outcome(ranged, 8), "9": outcome(ranged, 9), "auto 2": outcome(auto, 2)}
print(seen)
assert seen["1"] == (1, 2) and seen["8"] == (8, 2)
assert seen["9"] == "AssertionError Guard failed: input.size()[0] <= 8"
assert seen["auto 2"] == "AssertionError Guard failed: input.size()[0] == 1"
PY
