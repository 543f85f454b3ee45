"""Options of the commands that sign, or hold a signature against what they read."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from marpack.cli.stores import silent_stores
from marpack.cli.terminal import UsageError, complain, count_of
from marpack.display import printable

if TYPE_CHECKING:
    from marpack.signing import RequiredSignature, Statement, VerifiedSignature

# Each takes a value.
REQUIRED_OPTIONS = ("--signature", "--public-key", "--root")

SIGNED = (
    "path of any other file, of a folder or of an OCI image layout, or sha256:DIGEST of an image (a file of that "
    "name is ./sha256:...)"
)


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


def add_required(parser: argparse.ArgumentParser) -> None:
    """Add what a signature has to be, and by whom."""
    add = parser.add_argument_group("a signature that is required (extra sign)").add_argument
    add("--signature", metavar="SIG", help="of all that is read; status 1 and nothing else without it")
    add("--public-key", metavar="PEM", help="of the key that it has to be by")
    add(
        "--root",
        action="append",
        default=[],
        metavar="PEM",
        help="a certificate that is trusted, to which the signer's has to lead; may be given again",
    )


def required_signature(options: argparse.Namespace) -> RequiredSignature | None:
    """Return the signature that the options require, None without one; raise ``UsageError``."""
    if options.signature is None:
        if options.public_key is not None or options.root:
            raise UsageError("--public-key and --root: of which signature? Name its file (--signature SIG)")
        return None
    if options.public_key is None and not options.root:
        raise UsageError("--signature: say by whom it has to be, by --public-key PEM or by --root PEM")
    if options.public_key is not None and options.root:
        raise UsageError("--public-key and --root: a signature is by one of the two: leave the other out")
    from marpack.signing import RequiredSignature

    return RequiredSignature(signature=options.signature, public_key=options.public_key, roots=tuple(options.root))


def silent_for_signature(required: RequiredSignature | None) -> AbstractContextManager[None]:
    """Have nothing printed by what the library of signatures logs."""
    return nullcontext() if required is None else silent_stores()


def what_is_stated(statement: Statement) -> str:
    """Return in words what a statement is of."""
    if statement.is_of_one_file:
        return f"the whole, sha256:{statement.resources[0].sha256}"
    return f"{count_of(len(statement.resources), 'file')}, root sha256:{statement.root}"


def warn_of_unsigned(verified: VerifiedSignature) -> None:
    """Tell people that what was found to hold says nothing of something, or of anything, on standard error."""
    if verified.unsigned:
        them = "it" if len(verified.unsigned) == 1 else "them"
        there = count_of(len(verified.unsigned), "file")
        told = f"{there} there that it says nothing of: anybody may have put {them} there"
    elif not verified.statement.resources:
        told = "it says nothing of any file"
    else:
        return
    complain(f"marpack: warning: {printable(verified.signature)}: {told}")


def signature_lines(verified: VerifiedSignature) -> list[str]:
    """Return what people are told of a signature that holds."""
    lines = [f"{verified.signature}: holds, by the {verified.signed_by}: {what_is_stated(verified.statement)}"]
    if verified.statement.ignored:
        lines.append(f"not looked at, says the signature: {', '.join(verified.statement.ignored)}")
    lines += [f"there, and not signed: {name}" for name in verified.unsigned]
    return [printable(line) for line in lines]
