#!/usr/bin/env bash
# transformers 5.24.0 with torch 2.13.0: a model saved twice into one folder, whole and in shards.
#
# Guess: save_pretrained leaves the folder so that from_pretrained reads what was saved last.
# Seen: in one direction only. A whole model over shards removes the shards, leaves model.safetensors.index.json, which
# names files that are gone, and the new model is read. Shards over a whole model leave the old model.safetensors
# where it is, and from_pretrained reads that one, in silence: the model that was saved before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 transformers==5.24.0
HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error venv/bin/python - 2>log <<'PYTHON' | tee seen
import os

import torch
from transformers import BertConfig, BertModel

config = BertConfig(
    vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
    max_position_embeddings=16,
)


def filled(value):
    model = BertModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(value)
    return model


for name, first, second in (("whole over shards", "1KB", "1GB"), ("shards over whole", "1GB", "1KB")):
    filled(1).save_pretrained(name, max_shard_size=first)
    filled(2).save_pretrained(name, max_shard_size=second)
    files = os.listdir(name)
    shards = sum("-of-" in file for file in files)
    whole, index = "model.safetensors" in files, "model.safetensors.index.json" in files
    read = BertModel.from_pretrained(name).pooler.dense.bias[0].item()
    print(f"{name}: whole {whole}, index {index}, shards {shards > 0}; from_pretrained reads the model of {read:.0f}")
PYTHON
diff - seen <<'EXPECTED'
whole over shards: whole True, index True, shards False; from_pretrained reads the model of 2
shards over whole: whole True, index True, shards True; from_pretrained reads the model of 1
EXPECTED
