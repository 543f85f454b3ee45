#!/usr/bin/env bash
# torchserve 0.12.0's text handlers with torch 2.13.0, captum 0.9.0, PyYAML 6.0.3 and torchtext 0.18.0 (its last release).
#
# Guess: the text handlers need torchtext, so with a torch that torchtext was not built for, none of them starts.
# Seen: `import torchtext` fails with this torch (OSError: its library cannot be loaded), and the handlers
# text_classifier and text_handler are imported and tokenize: TorchServe carries its own tokenizer. torchtext is
# needed only where the pickled vocabulary, source_vocab.pt, holds objects of torchtext. captum is needed always: it is
# imported at the top, and neither torchserve nor torch asks for it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.13.0 torchserve==0.12.0 PyYAML==6.0.3 torchtext==0.18.0
cat >read.py <<'PYTHON'
import importlib.util


def tried(name, call):
    try:
        print(name, call(), sep=": ")
    except Exception as error:
        print(name, f"{type(error).__name__} {str(error).split(':')[0]}", sep=": ")


def handler():
    from ts.torch_handler.text_classifier import TextClassifier

    return type(TextClassifier()).__name__


print("captum", "there" if importlib.util.find_spec("captum") else "absent")
tried("torchtext", lambda: __import__("torchtext").__name__)
tried("handler", handler)
PYTHON
venv/bin/python -W ignore read.py 2>log >seen
venv/bin/pip install --quiet captum==0.9.0
venv/bin/python -W ignore read.py 2>>log >>seen
cat seen
diff - seen <<'EXPECTED'
captum absent
torchtext: OSError Could not load this library
handler: ModuleNotFoundError No module named 'captum'
captum there
torchtext: OSError Could not load this library
handler: TextClassifier
EXPECTED
