"""Rules on the archive as a file: its name, the names of its members, and what is amiss with its structure."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator, Mapping

from marpack.archive import git_lfs
from marpack.archive.forms import ContainerForm
from marpack.archive.names import CASE_COLLISION, names_issues
from marpack.archive.read.limits import LIMIT_CODES
from marpack.checks.frame.subject import Subject
from marpack.checks.rules.manifest_file import NO_NAME
from marpack.findings import Finding, Issue
from marpack.rule import rule, rules_in

_NOT_SAVED = 'it answers 500, "Failed to save model"'
_FOLLOWED = "it follows the link, if that leads somewhere where it runs"

# What the server does about a finding of the reader, where that is known [server].
_EFFECTS = {
    **dict.fromkeys(("crc", "file-and-folder", "name-empty", "gzip-truncated", "tar-truncated"), _NOT_SAVED),
    **dict.fromkeys(("gzip", "wrong-form"), f"{_NOT_SAVED}: Input is not in the .gz format"),
    **dict.fromkeys(("device", "link"), "it makes a file of it that holds nothing, or the text of the link"),
    "duplicate": "it takes the last",
    "encrypted": f"{_NOT_SAVED}: encrypted ZIP entry not supported",
    "git-lfs": "it finds no model in it: Model name is not defined, or Input is not in the .gz format",
    "gzip-members": "it reads the first gzip member only: the rest is lost, or it answers 500",
    "name-encoding": "it answers 403, and ends when it loads this as it starts: malformed input off",
    "name-long": f"{_NOT_SAVED}: File name too long",
    "name-nul": f"{_NOT_SAVED}: Invalid file path",
    "name-traversal": f"{_NOT_SAVED}: Detected Zip Slip vulnerability",
    "zip-descriptor": f"{_NOT_SAVED}: invalid entry size",
    "zip-gap": "it reads nothing behind that, without a word",
    "zip-method": f"{_NOT_SAVED}: invalid compression method",
    "zip-no-end": "of what does not begin as a zip it reads nothing, without a word",
    "zip-prepended": "it reads nothing at all, without a word",
    "zip-stored-descriptor": f"{_NOT_SAVED}: only DEFLATED entries can have EXT descriptor",
}

# Such an archive may be as whole as any, only larger than a stranger's may be.
_OF_LIMITS = "raise the limit, which is marpack's and none of the server's, or leave out what is not needed"

# What the server takes, though other readers may not, or not alike.
HARMLESS = frozenset(
    {
        *("device", "duplicate", "folder-or-file", "gzip-trailing", "link", "name-absolute", "name-backslash"),
        *("name-dot", "name-drive", "size-lies", "tar-trailing", "tar-type", "too-large", "too-many-members"),
        *("zip-name-flag", "zip-other-name"),
    }
)

_USELESS_SUFFIXES = (".pyc", ".pyo")
_USELESS_NAMES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_USELESS_FOLDERS = frozenset({"__pycache__", "__MACOSX", ".git", ".ipynb_checkpoints", ".pytest_cache"})
_NESTED = (".mar", ".war")

# So many names have a finding each; the last of them counts the rest.
_MOST_NAMED = 5


@rule("container-structure", "error")
def find_structure(subject: Subject) -> Iterator[Finding]:
    """Pack a zip or a tar that the server reads as everything else does.

    The server reads a ``.mar`` from its beginning, header by header, and never looks at the directory at its end,
    by which nearly everything else goes. Where the two disagree, or something lies between the members, it unpacks
    other files than other programs, or none. It knows the methods 0 and 8, no encryption, and no stored member
    whose size stands behind it; of a ``.tar.gz`` it reads one gzip member, and it makes empty files of links,
    which it follows in a folder. What it takes nevertheless is a warning [server].

    An archive that cannot be opened, and a member that cannot be read, are reported whatever rules are chosen.
    """
    for issue in subject.contents.problems:
        if issue.code != CASE_COLLISION:  # which is found in a plan too, by a rule of its own
            yield finding_of(issue, subject.form)


def _fix(issue: Issue) -> str:
    if issue.code == "git-lfs":
        return git_lfs.FIX
    return _OF_LIMITS if issue.code in LIMIT_CODES else "pack it again with marpack pack or torch-model-archiver"


def finding_of(issue: Issue, form: ContainerForm) -> Finding:
    """Return what the server does about something that is wrong with an archive as such."""
    followed = issue.code == "link" and form == "folder"
    return find_structure.finding(
        message=f"{issue.message} ({issue.code})",
        fix=_fix(issue),
        effect=_FOLLOWED if followed else _EFFECTS.get(issue.code, ""),
        member=issue.argument or None,
        severity="warning" if issue.code in HARMLESS else None,
    )


@rule("container-file-name", "warning", kind="model")
def find_file_name(subject: Subject) -> Iterator[Finding]:
    """Let the name of a packed folder end in ``.tar.gz``.

    The server takes the name for the form: ``.mar``, in lower case, is a zip, and anything else a gzip-compressed
    tar. ``load_models=all`` loads no others than folders, ``.mar``, ``.model`` and ``.tar.gz`` [server].
    """
    name = subject.file_name
    if name and subject.form == "tgz" and not name.endswith((".tar.gz", ".mar")):
        message, fix = f"{name!r} does not end in .tar.gz", "let the name end in .tar.gz"
        effect = "KServe does not take it" if name.endswith(".model") else "load_models=all does not take it"
        yield find_file_name.finding(message=message, fix=fix, effect=effect)


@rule("container-dots", "error")
def find_dots(subject: Subject) -> Iterator[Finding]:
    """Use no ``..`` in the name of an archive.

    The server takes any two dots for a way out of the model store, ``a..b.mar`` too [server].
    """
    if ".." in subject.file_name:
        message, fix = f"{subject.file_name!r} holds '..'", "call it otherwise"
        effect = 'it answers 404, "Relative path is not allowed in url"'
        yield find_dots.finding(message=message, fix=fix, effect=effect)


@rule("container-single-folder", "error")
def find_single_folder(subject: Subject) -> Iterator[Finding]:
    """Put something beside ``MAR-INF`` into a folder of the model store.

    Of a folder that holds one folder and nothing else the server takes the inner one for the model. Where that is
    ``MAR-INF``, as in a model whose handler is built in and whose weights lie elsewhere, it looks for the manifest
    inside of it [server].
    """
    tops = {name.partition("/")[0] for name in (*subject.names, *subject.present)}
    if subject.form == "folder" and tops == {"MAR-INF"} and subject.manifest_name in subject.names:
        message = "MAR-INF is all that it holds, and is taken for the model itself"
        fix = "put any other file beside it, a README for example"
        yield find_single_folder.finding(message=message, fix=fix, effect=NO_NAME)


@rule("container-case", "warning")
def find_case(subject: Subject) -> Iterator[Finding]:
    """Give members names that differ in more than case.

    Two that do not are two files on Linux, where the server runs, and one on those of macOS and Windows [server].
    """
    for issue in dict.fromkeys(names_issues(subject.names, most=sys.maxsize)):
        if issue.code == CASE_COLLISION:
            fix, effect = "call one of them otherwise", "on Linux it unpacks both"
            yield find_case.finding(message=issue.message, fix=fix, effect=effect, member=issue.argument)


@rule("container-not-ascii", "warning")
def find_not_ascii(subject: Subject) -> Iterator[Finding]:
    """Give members ASCII names.

    Others need a server in a UTF-8 locale. In the ``C`` locale, or one that is not installed, Java cannot make
    such a file and refuses the archive [server].
    """
    names = [name for name in subject.names if not name.isascii()]
    for number, name in enumerate(names[:_MOST_NAMED], 1):
        left = len(names) - number if number == _MOST_NAMED else 0
        message = f"the name is not ASCII, nor are {left:,} others" if left else "the name is not ASCII"
        effect = "in a POSIX locale it answers 403: Malformed input or input contains unmappable characters"
        yield find_not_ascii.finding(message=message, fix="use ASCII letters", effect=effect, member=name)


@rule("container-control-characters", "warning")
def find_control_characters(subject: Subject) -> Iterator[Finding]:
    """Use no control characters in the names of members.

    The server unpacks them as they are. Nobody means them, and nobody sees them [server].
    """
    for name in subject.names:
        if re.search(r"[\x00-\x1f\x7f]", name):
            message, effect = f"the name {name!r} holds a control character", "it unpacks a file of this name"
            yield find_control_characters.finding(
                message=message, fix="call it otherwise", effect=effect, member=name
            )


@rule("container-useless", "note")
def find_useless(subject: Subject) -> Iterator[Finding]:
    """Leave out what was packed by accident: compiled Python, other archives, the traces of programs.

    None of it does harm, and all of it is unpacked for every model [server].
    """
    found = [name for name in subject.names if _is_useless(name, subject.names)]
    if found:
        total = sum(subject.names[name] for name in found)
        others = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
        message = f"{found[0]!r}{others}, {total:,} bytes, are of no use to a server"
        effect = "it unpacks them, each time that it loads the model"
        yield find_useless.finding(message=message, fix="leave them out", effect=effect)


def _is_useless(name: str, names: Mapping[str, int]) -> bool:
    *folders, last = name.split("/")
    if last in _USELESS_NAMES or last.startswith("._") or _USELESS_FOLDERS.intersection(folders):
        return True
    if last.endswith(_USELESS_SUFFIXES):  # a compiled module may be all there is
        return f"{posixpath.splitext(name)[0]}.py" in names
    return last.endswith(_NESTED)


RULES = rules_in(globals())
