#!/usr/bin/env bash
# transformers 4.46.3 and 5.24.0 with torch 2.13.0: from_pretrained without a type, of a folder in bfloat16.
#
# Guess: without torch_dtype="auto" or dtype="auto", a model is made in float32, whatever the file holds.
# Seen: 4.46.3 makes float32 of it, 5.24.0 keeps bfloat16: a handler that names no type computes in another type, and
# takes half the memory, when its transformers becomes newer. 5.24.0 writes the type as "dtype" and no more as
# "torch_dtype"; 4.46.3 does not know that key, yet "auto" still gives bfloat16, since it looks at the weights then.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv new
python3 -m venv old
new/bin/pip install --quiet torch==2.13.0 transformers==5.24.0
old/bin/pip install --quiet torch==2.13.0 transformers==4.46.3
export HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
new/bin/python - 2>log <<'PYTHON'
import torch
from transformers import BertConfig, BertModel

config = BertConfig(
    vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
    max_position_embeddings=16,
)
BertModel(config).to(torch.bfloat16).save_pretrained("saved")
PYTHON
cat >read.py <<'PYTHON'
import json

import transformers
from transformers import BertModel

with open("saved/config.json") as file:
    keys = [key for key in json.load(file) if "dtype" in key]
plain, auto = BertModel.from_pretrained("saved"), BertModel.from_pretrained("saved", torch_dtype="auto")
print(transformers.__version__, *keys, plain.dtype, auto.dtype)
PYTHON
for version in old new; do "$version/bin/python" read.py 2>>log; done | tee seen
diff - seen <<'EXPECTED'
4.46.3 dtype torch.float32 torch.bfloat16
5.24.0 dtype torch.bfloat16 torch.bfloat16
EXPECTED
