#!/usr/bin/env bash
# Pack the model into dist/, see that it is what it should be, say what it was made of, and sign it where there is a key.
# SOURCE_URI and SOURCE_COMMIT say where the sources are from; SIGNING_KEY is a private key, the PEM itself.
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# pack FOLDER ARCHIVE [OPTION...]: the same sources give the same bytes; what a server would refuse is not packed.
pack() {
    marpack pack --model-name language --version 1.0 --handler "$1/language.py" --extra-files "$1/words.json" \
        --archive-format zip-store --reproducible --check error --quiet --force --output "$2" "${@:3}"
}

: "${SOURCE_URI:?say where the sources are from, as git+https://example.org/language@refs/heads/main}"
: "${SOURCE_COMMIT:?say which commit they are of}"
mkdir -p dist
pack . dist/language.mar --provenance dist/language.provenance.json \
    --source-uri "$SOURCE_URI" --source-commit "$SOURCE_COMMIT"

# Again, of copies in another folder, with other times and permissions: where a byte differs, it ends here.
cp language.py words.json "$scratch"
chmod 600 "$scratch"/*
pack "$scratch" "$scratch/language.mar"
cmp dist/language.mar "$scratch/language.mar"

marpack verify dist/language.mar
marpack attest dist/language.mar --sbom --force --output dist/language.cdx.json

# Pull requests from forks are given no secrets.
if [ -n "${SIGNING_KEY:-}" ]; then
    (umask 077 && echo "$SIGNING_KEY" > "$scratch/key.pem")
    for file in language.mar language.provenance.json; do
        marpack sign "dist/$file" --key "$scratch/key.pem" --force --output "dist/$file.sig"
    done
fi
sha256sum dist/language.mar
