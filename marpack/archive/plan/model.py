"""From arguments to a plan, with everything that is wrong with them reported at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias, TypedDict

from marpack.archive.formats.deflate import require_available
from marpack.archive.forms import ARCHIVE_FORMATS, DEFLATES, ArchiveFormat, Deflate, compression_for, deflates
from marpack.archive.handler import BUILTIN_HANDLERS, HandlerName
from marpack.archive.manifest import RUNTIMES, Manifest, ManifestModel, Runtime
from marpack.archive.names import member_order, model_name_problem
from marpack.archive.owner import Owner
from marpack.archive.plan.arguments import (
    note_metadata,
    note_unknown,
    resolve_owner,
    resolve_timestamp,
    warn_of_dots,
)
from marpack.archive.plan.contents import FileArgument, SourceLike, is_bytes, is_path
from marpack.archive.plan.extra_files import ExtraFiles, add_extra_files
from marpack.archive.plan.inputs import ABSENT, NO_SUCH_FILE, Inputs
from marpack.archive.plan.plan import ArchivePlan
from marpack.display import brief_repr
from marpack.errors import PlanError

Handler: TypeAlias = "str | os.PathLike[str] | Mapping[str, SourceLike]"
"""What answers: a file, as ``handler.py`` or ``handler.py:function``; one of the server's own handlers by name, as
``image_classifier``; or ``{"handler.py": contents}``."""


class _MandatoryOptions(TypedDict):
    model_name: str
    handler: Handler


class PackOptions(_MandatoryOptions, total=False):
    """The arguments of ``plan_archive``, which explains them, for functions that hand them on."""

    version: str
    model_file: FileArgument | None
    serialized_file: FileArgument | None
    extra_files: ExtraFiles | None
    requirements_file: FileArgument | Sequence[str] | None
    config_file: FileArgument | None
    runtime: Runtime
    archive_format: ArchiveFormat
    deflate: Deflate
    timestamp: datetime | float | None
    reproducible: bool
    metadata: Mapping[str, Any] | None
    owner: Owner | None


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
    (spec/archive.md). A file argument takes a path, as every ``str`` is; bytes; an open binary file that can
    seek; any ``Source``; a model of torch; or ``{name in the archive: one of these}``. None, an empty ``str`` and
    an empty list are the same as nothing.

    A model is a ``torch.nn.Module``, of which the ``state_dict()`` is packed, or a state_dict, as ``torch.save``
    writes them, or a ``ScriptModule``, as ``torch.jit.save`` does. Of what ``torch.compile``, ``DataParallel``,
    ``DistributedDataParallel`` or ``AveragedModel`` makes of a model the model inside is packed, so that the
    names of its tensors are those of the model file; ``model.state_dict()`` packs them as they are. Tensors are
    not copied, so do not train until the archive is written; a ``ScriptModule`` is saved at once, into an
    anonymous temporary file.

    - ``handler``: the name of a built-in handler; a path, with or without ``.py``, with or without
      ``:member``; or ``{"handler.py": contents}``.
    - ``version``: the model's version; ``""`` leaves it out, and the server takes ``1.0``.
    - ``requirements_file``: also a list of requirements.
    - ``extra_files``: the path of a file, or of a folder, whose contents go to the root; ``tree(folder)``, which
      keeps its shape; a mapping ``{name in the archive: contents}``; or a list of these. Comma lists and wildcards
      are for the command line.
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
    _note_choices(inputs, model_name, version, runtime, archive_format, deflate, owner)
    packed = resolve_timestamp(inputs, timestamp, reproducible=reproducible)

    # A10: the order in which the archiver copies, which decides whose mode and time a shared file gets.
    model_file_name = inputs.add_role("model_file", model_file, default_name="model.py")
    weights_name = inputs.add_role("serialized_file", serialized_file, default_name="model.pt")
    handler_value = _add_handler(inputs, handler, runtime)
    if extra_files:
        add_extra_files(inputs, extra_files)
    requirements_name = _add_requirements(inputs, requirements_file)
    config_name = inputs.add_role("config_file", config_file, default_name="model-config.yaml")
    note_metadata(inputs, metadata)
    _warn(inputs, model_name, archive_format, deflate)
    candidates = inputs.settle()

    if inputs.issues:
        raise PlanError(inputs.issues)
    if deflates(archive_format):
        require_available(deflate)
    members = []
    for candidate in candidates:
        compression = compression_for(candidate.name, archive_format, weights=candidate.name == weights_name)
        members.append(candidate.member(compression, packed, normalise=reproducible))
    model = ManifestModel(
        model_name=model_name,
        serialized_file=weights_name,
        handler=handler_value,
        model_file=model_file_name,
        model_version=version or None,
        requirements_file=requirements_name,
        config_file=config_name,
    )
    manifest = Manifest(created_on=packed.created_on, runtime=runtime, model=model, metadata=metadata)
    return ArchivePlan(
        model_name=model_name,
        archive_format=archive_format,
        manifest_text=manifest.to_json(),
        files=tuple(sorted(members, key=lambda member: member_order(member.name))),
        timestamp=packed.seconds,
        owner=resolve_owner(owner, archive_format, reproducible=reproducible),
        warnings=tuple(inputs.warnings),
        deflate=deflate,
    )


def _note_choices(
    inputs: Inputs,
    model_name: object,
    version: object,
    runtime: object,
    archive_format: ArchiveFormat,
    deflate: object,
    owner: object,
) -> None:
    if not isinstance(model_name, str):
        inputs.issue("bad-type", "model_name", f"must be a str, not {type(model_name).__name__}")
    elif problem := model_name_problem(model_name, archive_format):
        inputs.issue("bad-model-name", "model_name", problem)
    if not isinstance(version, str):
        inputs.issue(
            "bad-type",
            "version",
            f"must be a str, not {type(version).__name__}: write '{brief_repr(version, 40)}'",
        )
    note_unknown(inputs, "runtime", runtime, RUNTIMES)
    note_unknown(inputs, "archive_format", archive_format, ARCHIVE_FORMATS)
    note_unknown(inputs, "deflate", deflate, DEFLATES)
    if not isinstance(owner, (Owner, type(None))):
        inputs.issue("bad-type", "owner", f"must be an Owner, not {type(owner).__name__}")


def _add_requirements(inputs: Inputs, value: object) -> str | None:
    """Add the requirements: a file, or a list of them."""
    if isinstance(value, Sequence) and not is_path(value) and not is_bytes(value):
        wrong = [each for each in value if not isinstance(each, str) or "\n" in each]
        for each in wrong:
            inputs.issue("bad-type", "requirements_file", f"{each!r} is not one requirement")
        try:
            value = None if wrong else "".join(f"{each}\n" for each in value).encode() or None
        except UnicodeEncodeError as error:
            inputs.issue("bad-value", "requirements_file", f"the text is not valid Unicode at index {error.start}")
            return None
    return inputs.add_role("requirements_file", value, default_name="requirements.txt")


def _add_handler(inputs: Inputs, value: object, runtime: Runtime) -> str | None:
    """Add the handler's file, if it is not built in; return the manifest's value (A6)."""
    if runtime not in RUNTIMES:
        return None
    if isinstance(value, (str, os.PathLike)):
        handler = HandlerName.parse(os.fsdecode(value), runtime)
        if handler.file is not None:
            _add_handler_file(inputs, handler, handler.file)
        return handler.manifest_value
    if isinstance(value, Mapping):
        if len(value) != 1 or not isinstance(name := next(iter(value)), str):
            inputs.issue("bad-value", "handler", "give one {name: contents}")
            return None
        file = HandlerName.parse(name, runtime).file
        if file is None:
            inputs.issue("bad-value", "handler", f"{name!r} is built in: give it as a str")
        else:
            inputs.add_file("handler", {file: value[name]}, default_name=None)
        return name
    message = f"must be a name, a path or {{'handler.py': contents}}, not {type(value).__name__}"
    inputs.issue("bad-type", "handler", message)
    return None


def _add_handler_file(inputs: Inputs, handler: HandlerName, file: str) -> None:
    if not _is_absent(file):
        inputs.add_path("handler", os.path.basename(file), file, keep_time=False)
    elif "\n" in handler.value:
        inputs.issue("bad-value", "handler", "source needs a name: give {'handler.py': text.encode()}")
    elif not handler.manifest_value:
        inputs.issue("not-a-file", "handler", f"{handler.value!r} is a folder: name the handler's file")
    else:
        inputs.issue("missing-file", "handler", _missing_handler(handler.value, file, handler.runtime))


def _is_absent(path: str) -> bool:
    """Tell whether there is surely nothing, unlike ``lexists``, which does not tell that from no access."""
    try:
        os.lstat(path)
    except (OSError, ValueError) as error:
        return isinstance(error, FileNotFoundError)
    return False


def _missing_handler(value: str, file: str, runtime: str) -> str:
    """Say what a handler that is neither built in nor a file may have meant."""
    from difflib import get_close_matches  # for this message only

    known = sorted(BUILTIN_HANDLERS[runtime])
    near = get_close_matches(value.removesuffix(".py"), known, n=1, cutoff=0.8)
    if not near and (os.path.dirname(value) or file == value):
        return f"{file!r} {ABSENT}: correct the path"
    hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known)}"
    return f"{value!r} is neither a file, {file!r} ({NO_SUCH_FILE}), nor a built-in handler: {hint}"


def _warn(inputs: Inputs, model_name: object, archive_format: ArchiveFormat, deflate: object) -> None:
    """Warn of archives that are well-formed and not what was meant: not loaded (A1, N1), or not deflated (Z8)."""
    if not deflates(archive_format) and deflate != "zlib":
        inputs.warnings.append(f"deflate={deflate!r} has no effect: nothing is deflated in {archive_format}")
    warn_of_dots(inputs, model_name)
    if archive_format == "no-archive" and not inputs.candidates:
        inputs.warnings.append("TorchServe finds no manifest in a folder without other files: use another form")
