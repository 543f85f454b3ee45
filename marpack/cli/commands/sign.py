"""``marpack sign``: a signature of an archive, a store, a folder or an image, by a key of one's own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from marpack.cli.reading_options import add_limits, limits_of
from marpack.cli.signature_options import add_stated, what_is_stated
from marpack.cli.stores import silent_stores
from marpack.cli.terminal import UsageError, making, naming, show
from marpack.cli.words import positive
from marpack.display import printable
from marpack.errors import MarpackError

_LONGEST_PASSWORD = 1 << 12


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "sign",
        help="sign an archive, a store, a folder or an image (extra sign)",
        description="Sign what lies there, by OpenSSF's model-signing and without a network. The signature is a "
        "file of its own, that marpack verify --signature and model_signing verify read.",
    )
    parser.set_defaults(run=_run)
    add_stated(parser)
    add = parser.add_argument
    add("-o", "--output", metavar="SIG", required=True, help="the signature's file, as model.sig")
    add("-f", "--force", action="store_true", help="replace a file that is there")
    add("--threads", type=positive, metavar="N", help="how many files are read at once, default: one a core")
    keys = parser.add_argument_group("who signs").add_argument
    keys("--key", metavar="PEM", required=True, help="the private key: P-256, P-384 or P-521")
    keys("--password-file", metavar="FILE", help="whose first line is the password of the key")
    keys("--certificate", metavar="PEM", help="the key's certificate, for who verifies by a root")
    keys(
        "--certificate-chain",
        action="append",
        default=[],
        metavar="PEM",
        help="those between it and the root; may be given again",
    )
    add_limits(parser)


def _run(options: argparse.Namespace) -> None:
    if options.source == "-":
        raise UsageError("what is signed is named: name a file")
    if options.output == "-":
        raise UsageError("--output -: a signature is a file: name one, as model.sig")
    if options.certificate_chain and options.certificate is None:
        raise UsageError("--certificate-chain: it is of a certificate; name that, too (--certificate PEM)")
    if options.password_file is not None and options.certificate is not None:
        raise UsageError("--password-file: with a certificate the key must not be encrypted")
    from marpack.disk.atomic import replacing_file, require_replaceable_file
    from marpack.signing import SigningKey, attest, sign

    require_replaceable_file(options.output, force=options.force)
    with _naming_option(options):
        password = None if options.password_file is None else _password(options.password_file)
    key = SigningKey(
        private_key=options.key,
        password=password,
        certificate=options.certificate,
        certificate_chain=tuple(options.certificate_chain),
    )
    with silent_stores():
        with naming(options.source):
            statement = attest(
                options.source,
                contents=options.contents,
                git_files=options.git_files,
                ignore=[options.output],
                limits=limits_of(options),
                threads=options.threads,
            )
        with _naming_option(options):
            signature = sign(statement, key)
        with (
            making(options.output, "cannot be written"),
            replacing_file(options.output, force=options.force) as file,
        ):
            file.write(signature)
    show(printable(f"{options.output}: signs {statement.name}: {what_is_stated(statement)}"))


@contextmanager
def _naming_option(options: argparse.Namespace) -> Iterator[None]:
    """Name the option whose file is not there, or cannot be read."""
    try:
        yield
    except OSError as error:
        for option in ("key", "password_file", "certificate", "certificate_chain"):
            given = getattr(options, option)
            if error.filename is not None and error.filename in (given if isinstance(given, list) else [given]):
                told = f"--{option.replace('_', '-')}: {error.filename!r}: {error.strerror or error}"
                raise MarpackError(told) from error
        raise


def _password(path: str) -> bytes:
    with open(path, "rb") as file:
        line = file.readline(_LONGEST_PASSWORD + len(b"\r\n"))
    password = line.rstrip(b"\r\n")
    if len(password) > _LONGEST_PASSWORD:
        raise MarpackError(
            f"{path!r} has a first line of more than {_LONGEST_PASSWORD:,} bytes, which is no password of a key"
        )
    if not password:
        raise MarpackError(f"{path!r} has no password in its first line")
    return password
