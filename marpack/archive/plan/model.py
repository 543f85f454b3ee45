"""From arguments to a plan, with everything that is wrong with them reported at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from marpack.archive.formats.deflate import check_available
from marpack.archive.forms import ARCHIVE_FORMATS, DEFLATES, ArchiveFormat, Deflate, compression_for, deflates
from marpack.archive.handler import BUILTIN_HANDLERS, handler_file
from marpack.archive.manifest import RUNTIMES, Manifest, ManifestModel, Runtime, created_on
from marpack.archive.names import member_order, model_name_problem
from marpack.archive.owner import Owner
from marpack.archive.plan.arguments import check_choice, check_metadata, resolve_timestamp, warn_of_dots
from marpack.archive.plan.extra_files import ExtraFiles, add_extra_files
from marpack.archive.plan.inputs import FileArgument, Inputs, SourceLike
from marpack.archive.plan.plan import ArchivePlan
from marpack.errors import PlanError

__all__ = ["Handler", "plan_archive"]

Handler: TypeAlias = "str | os.PathLike[str] | Mapping[str, SourceLike]"


def plan_archive(
    *,
    model_name: str,
    handler: Handler,
    version: str = "1.0",
    model_file: FileArgument | None = None,
    serialized_file: FileArgument | None = None,
    extra_files: ExtraFiles | None = None,
    requirements_file: FileArgument | Sequence[str] | None = None,
    config_file: FileArgument | None = None,
    runtime: Runtime = "python",
    archive_format: ArchiveFormat = "default",
    deflate: Deflate = "zlib",
    timestamp: datetime | float | None = None,
    reproducible: bool = False,
    metadata: Mapping[str, Any] | None = None,
    owner: Owner | None = None,
) -> ArchivePlan:
    r"""Plan an archive: look at names and ``stat``, read nothing, write nothing.

    The arguments are the options of ``torch-model-archiver`` and mean what they mean there
    (spec/archive.md). A file argument takes a path, bytes, text (a ``str`` with a line break), an open
    binary file that can seek, any ``Source``, a model of torch, or ``{name in the archive: one of these}``. None,
    an empty ``str`` and an empty list are the same as nothing.

    A model is a ``torch.nn.Module``, of which the ``state_dict()`` is packed, or a state_dict, as ``torch.save``
    writes them, or a ``ScriptModule``, as ``torch.jit.save`` does. Tensors are not copied, so do not train until
    the archive is written; a ``ScriptModule`` is saved at once, into an anonymous temporary file.

    - ``handler``: the name of a built-in handler; a path, with or without ``.py``, with or without
      ``:member``; or ``{"handler.py": contents}``.
    - ``version``: the model's version; ``""`` leaves it out, and the server takes ``1.0``.
    - ``requirements_file``: also a list of requirements.
    - ``extra_files``: the archiver's comma list of files, wildcards and folders (a folder's contents go to the
      root); a mapping ``{name in the archive: contents}``; ``tree(folder)``, which keeps its shape; or a
      list of these.
    - ``archive_format``: ``default`` (zip, deflated), ``zip-store``, ``tgz``, ``no-archive`` (a folder), or
      ``auto``: zip that stores weights and what is compressed already and deflates the rest.
    - ``deflate``: how to compress, which decides the bytes: ``zlib`` makes those of the official tool;
      ``parallel`` is zlib on all cores, some bytes longer; ``fast``, which needs the extra of that name, is many
      times as fast, and no larger where it is weights that are compressed (spec/archive.md, Z8).
    - ``timestamp``: the time of packing, in seconds since the epoch or an aware ``datetime``; now by default.
      Parts of a second are dropped.
    - ``reproducible``: the same inputs make the same bytes on every machine, but for what deflate makes of them
      (Z8): all times are ``timestamp`` (1980-01-01 by default), modes 0644, and a tgz belongs to nobody.
    - ``metadata``: a JSON object that goes into the manifest under the key ``metadata``.
    - ``owner``: whom the members of a ``tgz`` belong to; the user of this process by default.

    Raises ``PlanError`` whose ``issues`` are everything that is wrong with the inputs, and ``MissingExtraError``.
    """
    inputs = Inputs()
    _check_choices(inputs, model_name, version, runtime, archive_format, deflate)
    packed = resolve_timestamp(inputs, timestamp, reproducible=reproducible)

    # A10: the order in which the archiver copies, which decides whose mode and time a shared file gets.
    model_file_name = _add_role(inputs, "model_file", model_file, "model.py")
    weights_name = _add_role(inputs, "serialized_file", serialized_file, "model.pt")
    handler_value = _add_handler(inputs, handler, runtime)
    if extra_files:
        add_extra_files(inputs, extra_files)
    if isinstance(requirements_file, Sequence) and not isinstance(
        requirements_file, (str, bytes, bytearray, memoryview)
    ):
        requirements_file = "\n".join([*_checked_requirements(inputs, requirements_file), ""])
    requirements_name = _add_role(inputs, "requirements_file", requirements_file, "requirements.txt")
    config_name = _add_role(inputs, "config_file", config_file, "model-config.yaml")
    check_metadata(inputs, metadata)
    _check_owner(inputs, owner)
    _warn(inputs, model_name, archive_format, deflate)
    candidates = inputs.settle()

    if inputs.issues:
        raise PlanError(inputs.issues)
    if deflates(archive_format):
        check_available(deflate)
    members = [
        candidate.member(
            compression_for(candidate.name, archive_format, weights=candidate.name == weights_name),
            packed_ns=packed * 10**9,
            normalise=reproducible,
        )
        for candidate in candidates
    ]
    manifest = Manifest(
        created_on=created_on(packed),
        runtime=runtime,
        model=ManifestModel(
            model_name=model_name,
            serialized_file=weights_name,
            handler=handler_value,
            model_file=model_file_name,
            model_version=version or None,
            requirements_file=requirements_name,
            config_file=config_name,
        ),
        metadata=metadata,
    )
    return ArchivePlan(
        model_name=model_name,
        archive_format=archive_format,
        manifest_text=manifest.to_json(),
        files=tuple(sorted(members, key=lambda member: member_order(member.name))),
        timestamp=packed,
        owner=owner or (Owner.current() if archive_format == "tgz" and not reproducible else Owner()),
        warnings=tuple(inputs.warnings),
        deflate=deflate,
    )


def _check_choices(
    inputs: Inputs,
    model_name: object,
    version: object,
    runtime: object,
    archive_format: ArchiveFormat,
    deflate: object,
) -> None:
    if not isinstance(model_name, str):
        inputs.issue("bad-type", "model_name", f"must be a str, not {type(model_name).__name__}")
    elif problem := model_name_problem(
        model_name, archive_format if archive_format in ARCHIVE_FORMATS else "default"
    ):
        inputs.issue("bad-model-name", "model_name", problem)
    if not isinstance(version, str):
        inputs.issue("bad-type", "version", f"must be a str, not {type(version).__name__}: write '{version}'")
    check_choice(inputs, "runtime", runtime, RUNTIMES)
    check_choice(inputs, "archive_format", archive_format, ARCHIVE_FORMATS)
    check_choice(inputs, "deflate", deflate, DEFLATES)


def _add_role(inputs: Inputs, argument: str, value: FileArgument | None, default_name: str) -> str | None:
    if value is None or (isinstance(value, str) and not value):
        return None
    return inputs.add_file(argument, value, default_name=default_name)


def _add_handler(inputs: Inputs, handler: object, runtime: Runtime) -> str | None:
    """Add the handler's file, if it is not built in; return the manifest's value (A6)."""
    if runtime not in RUNTIMES:
        return None
    if isinstance(handler, Mapping):
        if len(handler) == 1 and isinstance(value := next(iter(handler)), str):
            file = handler_file(value, runtime)
            if file is None:
                inputs.issue("bad-value", "handler", f"{value!r} is built in: give it as a str")
            else:
                inputs.add_file("handler", {file: handler[value]}, default_name=None)
            return value
        inputs.issue("bad-value", "handler", "give one {name: contents}")
        return None
    if not isinstance(handler, (str, os.PathLike)):
        inputs.issue(
            "bad-type",
            "handler",
            f"must be a name, a path or {{'handler.py': contents}}, not {type(handler).__name__}",
        )
        return None
    value = os.fsdecode(handler)
    file = handler_file(value, runtime)
    if file is not None:
        _add_handler_file(inputs, value, file, runtime)
    return os.path.basename(value)


def _add_handler_file(inputs: Inputs, value: str, file: str, runtime: Runtime) -> None:
    if not _is_absent(file):
        inputs.add_path("handler", file)
    elif "\n" in value:
        inputs.issue("bad-value", "handler", "source text needs a name: give {'handler.py': text}")
    elif not os.path.basename(value):
        inputs.issue("not-a-file", "handler", f"{value!r} is a folder: name the handler's file")
    else:
        inputs.issue("missing-file", "handler", _missing_handler(value, file, runtime))


def _is_absent(path: str) -> bool:
    """Tell whether there is surely nothing, unlike ``lexists``, which does not tell that from no access."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _missing_handler(value: str, file: str, runtime: Runtime) -> str:
    """Say what a handler that is neither built in nor a file may have meant."""
    from difflib import get_close_matches  # for this message only

    known = sorted(BUILTIN_HANDLERS[runtime])
    if near := get_close_matches(value.removesuffix(".py"), known, n=1, cutoff=0.8):
        hint = f"did you mean {near[0]!r}?"
    elif os.path.dirname(value) or file == value:
        return f"{file!r} does not exist: correct the path"
    else:
        hint = f"choose from {', '.join(known)}"
    return f"{value!r} is neither a file, {file!r}, nor a built-in handler: {hint}"


def _checked_requirements(inputs: Inputs, requirements: Sequence[object]) -> Iterator[str]:
    for requirement in requirements:
        if isinstance(requirement, str) and "\n" not in requirement:
            yield requirement
        else:
            inputs.issue("bad-type", "requirements_file", f"{requirement!r} is not one requirement")


def _warn(inputs: Inputs, model_name: object, archive_format: ArchiveFormat, deflate: object) -> None:
    """Warn of archives that are well-formed and not what was meant: not loaded (A1, N1), or not deflated (Z8)."""
    if not deflates(archive_format) and deflate != "zlib":
        inputs.warnings.append(f"deflate={deflate!r} has no effect: nothing is deflated in {archive_format}")
    warn_of_dots(inputs, model_name)
    if archive_format == "no-archive" and inputs.is_empty:
        inputs.warnings.append("TorchServe finds no manifest in a folder without other files: use another form")


def _check_owner(inputs: Inputs, owner: object) -> None:
    if not isinstance(owner, (Owner, type(None))):
        inputs.issue("bad-type", "owner", f"must be an Owner, not {type(owner).__name__}")
