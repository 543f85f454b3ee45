"""Keys, certificates and bundles, and the command of the tool that the format comes from."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conftest import require

if TYPE_CHECKING:
    from collections.abc import Sequence

CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
# Names that their order by components and by letters tell apart, and others that are not plain.
FILES = {
    "a/b": b"1",
    "a/z/1": b"2",
    "a-b/c": b"3",
    "a.b": b"4",
    "\u00e9/\u00fc \u65e5": b"5",
    "empty": b"",
    "sub/.gitignore": b"6",
    "MAR-INF/MANIFEST.json": b"{}",
}


def model_folder(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    """Make a folder with files."""
    for name, data in (FILES if files is None else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def image_layout(folder: Path, layer: bytes = b"layer") -> tuple[Path, str]:
    """Write an OCI layout of one image of one layer, and return the image's digest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def blob(data: bytes, kind: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    oci = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{oci}.manifest.v1+json",
        "config": blob(b"{}", f"{oci}.config.v1+json"),
        "layers": [blob(layer, f"{oci}.layer.v1.tar")],
    }
    listed = blob(json.dumps(manifest).encode(), f"{oci}.manifest.v1+json")
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [listed]}))
    return folder, listed["digest"]


def key_pair(
    folder: Path, curve: str = "P-256", name: str = "key", password: bytes | None = None
) -> tuple[Path, Path]:
    """Make a private key and its public half, as PEM."""
    key = ec.generate_private_key(CURVES[curve])
    return written(folder / f"{name}.pem", key, password), public(folder / f"{name}.pub", key)


def written(path: Path, key: Any, password: bytes | None = None) -> Path:
    hidden = serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    data = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)
    path.write_bytes(data)
    return path


def public(path: Path, key: Any) -> Path:
    path.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return path


def chain(folder: Path, *, can_sign: bool = True) -> tuple[Path, Path, Path, Path]:
    """Make the key, the certificate, the one above it, and the root; all of them long expired."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    names = [
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in ("root", "middle", "leaf")
    ]
    paths = []
    for number, (key, name) in enumerate(zip(keys, names, strict=True)):
        above = max(number - 1, 0)
        is_leaf = number == 2
        usage = x509.KeyUsage(
            digital_signature=is_leaf and can_sign,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=is_leaf and not can_sign,
            key_cert_sign=not is_leaf,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[above])
            .public_key(key.public_key())
            .serial_number(number + 1)
            .not_valid_before(datetime.datetime(2020, 1, 1))
            .not_valid_after(datetime.datetime(2021, 1, 1))
            .add_extension(x509.BasicConstraints(ca=not is_leaf, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(keys[above], hashes.SHA256())
        )
        paths.append(folder / f"{number}.crt")
        paths[-1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return written(folder / "leaf.pem", keys[2]), paths[2], paths[1], paths[0]


def statement(resources: Sequence[tuple[str, str]], **changes: Any) -> dict[str, Any]:
    """Return a statement as JSON values, of names and digests."""
    root = hashlib.sha256(b"".join(bytes.fromhex(digest) for _, digest in resources)).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "m", "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False},
            "resources": [{"name": name, "algorithm": "sha256", "digest": digest} for name, digest in resources],
        },
    } | changes


def bundle(payload: bytes, key: Path | None = None) -> dict[str, Any]:
    """Return a bundle as JSON values, made by nothing but the format's own rules; signed where a key is given."""
    kind = b"application/vnd.in-toto+json"
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signature, hint = b"none", "00"
    if key is not None:
        private: Any = serialization.load_pem_private_key(key.read_bytes(), None)
        signature = private.sign(signed, ec.ECDSA(hashes.SHA256()))
        pem = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        hint = hashlib.sha256(pem).hexdigest()
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": kind.decode(),
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }


def signed_bundle(path: Path, values: dict[str, Any], key: Path) -> Path:
    """Write the bundle of a statement that was signed."""
    path.write_text(json.dumps(bundle(json.dumps(values).encode(), key)), "utf-8")
    return path


def model_signing(*words: str | Path) -> tuple[int, str]:
    """Run the command of model-signing; return its status, and what it printed."""
    from click.testing import CliRunner
    from model_signing._cli import main

    result = CliRunner().invoke(main, [str(word) for word in words])
    return result.exit_code, result.output


def require_model_signing() -> None:
    """Skip, or fail in CI, where the extra is not installed."""
    try:
        import model_signing  # noqa: F401
    except ImportError:
        require(False, "model-signing (extra sign)")
