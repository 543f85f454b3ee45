#!/usr/bin/env bash
# torch 2.13.0
#
# One would guess: once torch.serialization.add_safe_globals names a class, torch.load(weights_only=True) takes its
# objects; collections.Counter, a dict's subclass that needs no naming, suggests that others only have to be named.
# What happens: defaultdict and int are allowed, an empty defaultdict loads, and one that holds a single word is
# refused all the same: items are set in dict, OrderedDict and Counter alone. get_unsafe_globals_in_checkpoint, which
# tells what has still to be allowed, names nothing.
#
# Seen:
#   to allow: []; empty: loads; filled: Can only SETITEM for dict, collections.OrderedDict, collections.Counter
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
venv/bin/python -W ignore - <<'PY'
import collections
import pickle

import torch

torch.serialization.add_safe_globals([collections.defaultdict, int])
torch.save(collections.defaultdict(int), "empty.pt")
torch.save(collections.defaultdict(int, {"word": 1}), "filled.pt")
torch.save(collections.Counter({"word": 1}), "counter.pt")
left = torch.serialization.get_unsafe_globals_in_checkpoint("filled.pt")
assert torch.load("empty.pt") == {}
assert torch.load("counter.pt") == {"word": 1}
try:
    torch.load("filled.pt")
except pickle.UnpicklingError as error:
    said = str(error)
else:
    said = "loads"
print("to allow:", left, "filled:", "Can only SETITEM" in said)
assert left == []
assert "Can only SETITEM for dict, collections.OrderedDict, collections.Counter" in said
PY
