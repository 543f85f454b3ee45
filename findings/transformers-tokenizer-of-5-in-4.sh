#!/usr/bin/env bash
# transformers 5.24.0 writes folders of tokenizers, transformers 4.46.3 (of TorchServe 0.12.0's time) reads them.
#
# Guess: a tokenizer's folder is read by any release; where it is not, OSError says that a file is missing.
# Seen: 5.24.0 writes no vocab.txt. With 4.46.3,
# - BertTokenizer, which wants it, says ImportError "requires the protobuf library", which has nothing to do with it;
# - BertTokenizerFast and AutoTokenizer read tokenizer.json and give the same numbers;
# - what was a PreTrainedTokenizerFast is written as tokenizer_class "TokenizersBackend", which AutoTokenizer refuses
#   and PreTrainedTokenizerFast reads;
# - that tokenizer's chat template lies in chat_template.jinja and is not seen: chat_template is None, in silence.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv new
python3 -m venv old
new/bin/pip install --quiet transformers==5.24.0
old/bin/pip install --quiet transformers==4.46.3
export HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
cat >vocab.txt <<'TEXT'
[PAD]
[UNK]
[CLS]
[SEP]
[MASK]
good
film
TEXT
new/bin/python - 2>"$folder/log" <<'PYTHON'
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertTokenizer, PreTrainedTokenizerFast

BertTokenizer("vocab.txt").save_pretrained("bert")
words = Tokenizer(WordLevel({"[UNK]": 0, "good": 1, "film": 2}, unk_token="[UNK]"))
words.pre_tokenizer = Whitespace()
template = "{{ messages[0].content }}"
PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", chat_template=template).save_pretrained("words")
PYTHON
cat >read.py <<'PYTHON'
import os

import transformers


def show(name, call):
    try:
        print(name, call(), sep=": ")
    except Exception as error:
        print(name, f"{type(error).__name__} {' '.join(str(error).split())[:55]}".strip(), sep=": ")


print(transformers.__version__, *sorted(os.listdir("bert")), "/", *sorted(os.listdir("words")))
for kind in ("BertTokenizer", "BertTokenizerFast", "AutoTokenizer"):
    show(kind, lambda: getattr(transformers, kind).from_pretrained("bert")("good film").input_ids)
for kind in ("AutoTokenizer", "PreTrainedTokenizerFast"):
    show(kind, lambda: getattr(transformers, kind).from_pretrained("words")("good film").input_ids)
show("template", lambda: transformers.PreTrainedTokenizerFast.from_pretrained("words").chat_template)
PYTHON
for version in new old; do "$version/bin/python" read.py 2>>log; done | tee seen
diff - seen <<'EXPECTED'
5.24.0 tokenizer.json tokenizer_config.json / chat_template.jinja tokenizer.json tokenizer_config.json
BertTokenizer: [2, 5, 6, 3]
BertTokenizerFast: [2, 5, 6, 3]
AutoTokenizer: [2, 5, 6, 3]
AutoTokenizer: [1, 2]
PreTrainedTokenizerFast: [1, 2]
template: {{ messages[0].content }}
4.46.3 tokenizer.json tokenizer_config.json / chat_template.jinja tokenizer.json tokenizer_config.json
BertTokenizer: ImportError requires the protobuf library but it was not found in y
BertTokenizerFast: [2, 5, 6, 3]
AutoTokenizer: [2, 5, 6, 3]
AutoTokenizer: ValueError Tokenizer class TokenizersBackend does not exist or is
PreTrainedTokenizerFast: [1, 2]
template: None
EXPECTED
