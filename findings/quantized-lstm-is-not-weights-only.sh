#!/usr/bin/env bash
# torch 2.13.0, NumPy 2.4.6
#
# One would guess: torch.ao.quantization, "to be removed in 2.10" by its own warning, is gone; if not, the state_dict
# of a dynamically quantized model is tensors, and loads with weights_only=True like any other.
# What happens: it is there. The state_dict of a quantized Linear loads; that of a quantized LSTM holds a script object
# of C++, and torch.load() refuses it, for torch.ScriptObject. The kind of layer decides.
#
# Seen:
#   Linear: loaded;  LSTM: Unsupported global: GLOBAL torch.ScriptObject
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
venv/bin/python -W ignore - <<'PY'
import torch


def outcome(layer):
    kinds = {torch.nn.Linear, torch.nn.LSTM}
    model = torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(layer).eval(), kinds)
    torch.save(model.state_dict(), "weights.pt")
    try:
        return str(model.load_state_dict(torch.load("weights.pt")))
    except Exception as error:
        return str(error)


linear, lstm = outcome(torch.nn.Linear(8, 8)), outcome(torch.nn.LSTM(8, 4))
print(linear, [line for line in lstm.splitlines() if "Unsupported" in line])
assert linear == "<All keys matched successfully>"
assert "Unsupported global: GLOBAL torch.ScriptObject" in lstm
PY
