"""Options of the commands that sign, or hold a signature against what they read."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from marpack.cli.stores import silent_stores
from marpack.cli.terminal import UsageError, count_of
from marpack.display import printable

if TYPE_CHECKING:
    from marpack.signing import RequiredSignature, Statement, VerifiedSignature

# Of extract; each takes a value.
REQUIRED_OPTIONS = ("--require-signature", "--key", "--certificate-chain")

SIGNED = "path of any other file, of a folder or of an OCI image layout, or sha256:DIGEST of an image"


def add_stated(parser: argparse.ArgumentParser) -> None:
    """Add what is signed, or stated, and how it is taken."""
    add = parser.add_argument
    add("source", metavar="X", help=f"path or URL of an archive, {SIGNED}")
    add(
        "--contents",
        action="store_true",
        help="of an archive, what is in it, file by file, instead of the file as a whole: the same in every form, "
        "and for the folder that it is unpacked to",
    )
    add(
        "--git-files",
        action="store_true",
        help="also .git, .github, .gitignore and .gitattributes at the top, which are not looked at otherwise",
    )


def add_required(parser: argparse.ArgumentParser, option: str) -> None:
    """Add what a signature has to be: ``option`` names its file."""
    add = parser.add_argument_group("a signature that is required (extra sign)").add_argument
    add(option, dest="signature", metavar="SIG", help="of all that is read; status 1 and nothing else without it")
    add("--key", metavar="PUB", help="the public key that it has to be by, in PEM")
    add(
        "--certificate-chain",
        action="append",
        default=[],
        metavar="PEM",
        help="certificates below which the signer's has to be; may be given again",
    )
    parser.set_defaults(signature_option=option)


def required_signature(options: argparse.Namespace) -> RequiredSignature | None:
    """Return the signature that the options require, None without one; raise ``UsageError``."""
    option = options.signature_option
    if options.signature is None:
        if options.key is not None or options.certificate_chain:
            raise UsageError(f"--key and --certificate-chain: of which signature? Name its file ({option} SIG)")
        return None
    if (options.key is None) == (not options.certificate_chain):
        raise UsageError(f"{option}: say by whom it has to be, by --key PUB or by --certificate-chain PEM")
    from marpack.signing import RequiredSignature

    return RequiredSignature(
        signature=options.signature, key=options.key, certificate_chain=tuple(options.certificate_chain)
    )


def silent_for_signature(required: RequiredSignature | None) -> AbstractContextManager[None]:
    """Have nothing printed by what the library of signatures logs."""
    return nullcontext() if required is None else silent_stores()


def what_is_stated(statement: Statement) -> str:
    """Return in words what a statement is of."""
    if statement.is_of_one_file:
        return f"the whole, sha256:{statement.resources[0].sha256}"
    return f"{count_of(len(statement.resources), 'file')}, root sha256:{statement.root}"


def signature_lines(verified: VerifiedSignature) -> list[str]:
    """Return what people are told of a signature that holds."""
    lines = [f"{verified.signature}: holds, by the {verified.signed_by}: {what_is_stated(verified.statement)}"]
    if verified.statement.ignored:
        lines.append(f"not looked at, says the signature: {', '.join(verified.statement.ignored)}")
    lines += [f"there, and not signed: {name}" for name in verified.unsigned]
    return [printable(line) for line in lines]
