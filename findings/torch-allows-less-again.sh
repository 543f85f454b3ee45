#!/usr/bin/env bash
# torch 2.14.1 and 2.15.0, NumPy 2.4.6, Python 3.11 on Linux (x86-64), on the CPU
#
# One would guess: what torch.load(weights_only=True), the default, takes in one release it takes in the next; the list
# of what it allows has only grown since 1.13.
# What happens: 2.15 allows less than 2.14. Nested tensors, allowed since 2.2, and Python's exceptions and the summaries
# of the module traceback, which 2.14 was the first to allow, are refused: also files that 2.15 has written itself.
# torch.serialization.add_safe_globals() allows a nested tensor's function again. It does not allow ValueError: files of
# torch.save call it exceptions.ValueError, as Python 2 did, which 2.14 alone takes for Python's own.
#
# Seen, of files that 2.14.1 has written, and the same of those that 2.15.0 has:
#   2.14.1 plain: loaded, nested: loaded, error: loaded, stack: loaded
#   2.15.0 plain: loaded, nested: UnpicklingError, error: UnpicklingError, stack: UnpicklingError
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >write.py <<'PY'
import sys
import traceback

import torch

try:
    raise ValueError("a step that failed")
except ValueError as error:
    kept = {"error": error.with_traceback(None), "stack": traceback.extract_tb(error.__traceback__)}
kept |= {"plain": torch.zeros(2), "nested": torch.nested.nested_tensor([torch.zeros(2), torch.ones(3)])}
for name, value in kept.items():
    torch.save({"kept": value}, f"{sys.argv[1]}/{name}.pt")
PY
cat >load.py <<'PY'
import pickle
import sys

import torch

for folder in ("2.14.1", "2.15.0"):
    said = {}
    for name in ("plain", "nested", "error", "stack"):
        path = f"{folder}/{name}.pt"
        try:
            torch.load(path)
            said[name] = "loaded"
        except pickle.UnpicklingError as error:
            said[name] = type(error).__name__
            assert "Weights only load failed" in str(error)
        assert torch.load(path, weights_only=False)
    print(sys.argv[1], "of", folder, ", ".join(f"{name}: {what}" for name, what in said.items()))
    refused = {name for name, what in said.items() if what != "loaded"}
    assert refused == ({"nested", "error", "stack"} if sys.argv[1] == "2.15.0" else set()), refused
if sys.argv[1] == "2.15.0":
    torch.serialization.add_safe_globals([torch._utils._rebuild_nested_tensor, ValueError])
    torch.load("2.15.0/nested.pt")
    try:
        torch.load("2.15.0/error.pt")
    except pickle.UnpicklingError as error:
        assert "exceptions.ValueError was not an allowed global" in str(error)
    else:
        raise AssertionError("ValueError is allowed")
PY
for version in 2.14.1 2.15.0; do
    python3 -m venv "venv-$version"
    mkdir "$version"
done
venv-2.14.1/bin/pip install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6
venv-2.15.0/bin/pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6
for version in 2.14.1 2.15.0; do
    "venv-$version/bin/python" -W ignore write.py "$version"
done
for version in 2.14.1 2.15.0; do
    "venv-$version/bin/python" -W ignore load.py "$version"
done
