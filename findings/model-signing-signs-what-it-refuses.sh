#!/usr/bin/env bash
# model-signing 1.1.1, pyOpenSSL 26.4.0, and the openssl command
#
# One would guess: a tool that signs with a certificate looks at whether it could verify what it signs, or that what
# OpenSSL makes by default, a certificate that signs itself, is good for signing files.
# What happens: the signer takes any certificate of the key. The verifier asks for the key usage digitalSignature, or
# the extended usage codeSigning, which `openssl req -x509` sets neither of, and refuses the signature that the same
# tool has just made, with that very certificate as the root.
#
# Seen: signed: True; verified: Signing certificate cannot be used for signing
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check model-signing==1.1.1 pyopenssl==26.4.0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=team -days 30 \
    -keyout key.pem -out certificate.pem 2>log
mkdir model
echo weights > model/weights.bin
venv/bin/python - <<'PY'
import logging
import os
import warnings

from model_signing import signing, verifying

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
signer = signing.Config().use_certificate_signer(
    private_key="key.pem", signing_certificate="certificate.pem", certificate_chain=["certificate.pem"]
)
signer.sign("model", "model.sig")
verifier = verifying.Config().use_certificate_verifier(certificate_chain=["certificate.pem"])
try:
    verifier.verify("model", "model.sig")
    said = "nothing is wrong"
except ValueError as error:
    said = str(error)
print(f"signed: {os.path.getsize('model.sig') > 0}; verified: {said}")
assert said == "Signing certificate cannot be used for signing", said
PY
