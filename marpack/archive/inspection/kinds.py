"""What a file of weights can be, and what is reported of one."""

from __future__ import annotations

from typing import Final, Literal, Protocol, TypeAlias

from marpack.frozen import frozen

WeightsKind: TypeAlias = Literal[
    "torchscript",
    "state_dict",
    "checkpoint",
    "module",
    "pickle",
    "safetensors",
    "onnx",
    "exported-program",
    "aot-library",
    "numpy",
    "zip",
    "unknown",
]
Sums: TypeAlias = Literal["none", "wrong"]
_MAX_DIMENSIONS = 64
# What the detail ends in of a pickle that torch.save did not write, and of a state_dict with other keys; and what
# a pickle is that holds nothing.
NOT_ALL_NAMES: Final = "whose keys are not all names"
NOT_OF_TORCH_SAVE: Final = "not of torch.save"
NOT_KNOWN: Final = "nothing that is known"
# Safetensors that nobody reads: how their detail begins.
BROKEN_SAFETENSORS: Final = ("safetensors with a broken header", "safetensors of ")
EMPTY_DICT: Final = "a pickle of an empty dict"
# What weights_only never fills, though its class is allowed: "Can only SETITEM for dict, ...".
FILLED_DEFAULTDICT: Final = "a pickle of a filled 'collections.defaultdict'"
# Zips that torch.load and torch.jit.load read otherwise than those of torch.save; how the detail of what nobody
# reads begins.
OF_TORCH_PACKAGE: Final = "a package of torch.package"
BEFORE_2_8: Final = "from before 2.8"
ARRAYS: Final = "arrays of NumPy"
OUTSIDE: Final = "a file of torch with records outside of its folder"
CANNOT: Final = " that cannot be "
CANNOT_BE_READ: Final = f"a zip{CANNOT}read"


class SeekableReader(Protocol):
    """What is read: any file opened in binary mode."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none only at the end."""

    def seek(self, offset: int, /) -> object:
        """Go to a place, counted from the beginning."""


@frozen
class TensorKey:
    """One key of a state_dict, or one name of safetensors.

    ``shape`` and ``dtype`` (torch's word: ``"float32"``) are None where the value is no tensor or does not say.
    ``plain`` says that the value is surely no tensor but a number, a text, None, a list or a dict.
    ``inspect --json`` promises all four (spec/inspect.schema.json).
    """

    name: str
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    plain: bool = False


@frozen
class Need:
    """A name, an operator or a version of a format that a file has, and the first torch that knows it."""

    name: str
    torch: str


@frozen
class Weights:
    """What a file of weights is.

    ``detail`` says it in a few words, for people. ``legacy``: in torch's format from before 1.6. ``globals`` are
    the names that its pickle imports, as ``"module.name"``; all of them only where ``globals_complete``. ``keys``
    are those of a state_dict or of safetensors, in the file's order, None for other kinds and where they are not
    known; ``holds`` the keys of a checkpoint under which a state_dict or a model lies.

    ``weights_only_refuses`` is what ``torch.load(weights_only=True)`` does, which is the default from 2.6 on,
    judged by what the file imports and the opcodes it uses: True where every torch that is known refuses it, and
    for what is no file of ``torch.save``; None where the pickle is not read to its end here. ``refused_globals``
    are the names it is for. ``weights_only_from`` and ``weights_only_to`` are the first and the last torch that do
    not refuse it, as ``"2.14"``, None where none is known, and for the last where the newest does not, either;
    ``weights_only_because`` of these names, none where all that have ``weights_only`` do.
    ``torch_from`` and ``torch_to`` are the first and the last torch that can read it, as ``"2.3"``, None where its
    bytes do not say so: ``torch_because`` of these names, operators (``aten::...``) and versions of formats.
    ``torch_needs`` are all that it has of the kind and that is not in every torch, the newest first;
    ``format_version`` is what its record ``format_record`` says, which is called ``version`` or ``.data/version``.
    ``numpy_from`` is the first numpy that has what its pickle imports of it. ``sums`` says what is wrong with the
    sums of a zip's records, which torch does not compare and every other reader does: ``"none"`` is there (all are
    0), or some are ``"wrong"``; None also where none that was looked at is. ``parts`` are the files in which an
    ONNX model keeps tensors, relative to its folder, as it says them; ``part_sizes`` how many bytes of each it
    refers to, 0 where it does not say so.
    Nothing here says what loading the file would do. Names and keys are as in the file, not escaped.
    """

    kind: WeightsKind
    detail: str
    legacy: bool = False
    globals: tuple[str, ...] = ()
    globals_complete: bool = True
    keys: tuple[TensorKey, ...] | None = None
    holds: tuple[str, ...] = ()
    weights_only_refuses: bool | None = True
    refused_globals: tuple[str, ...] = ()
    weights_only_from: str | None = None
    weights_only_to: str | None = None
    weights_only_because: tuple[str, ...] = ()
    torch_from: str | None = None
    torch_to: str | None = None
    torch_because: tuple[str, ...] = ()
    torch_needs: tuple[Need, ...] = ()
    format_record: str | None = None
    format_version: int | None = None
    numpy_from: str | None = None
    sums: Sums | None = None
    parts: tuple[str, ...] = ()
    part_sizes: tuple[int, ...] = ()

    @property
    def torch_versions(self) -> str | None:
        """Which torch can read it, as ``"2.3 and newer"``, None where its bytes do not say so."""
        return range_text(self.torch_from, self.torch_to)

    @property
    def weights_only_versions(self) -> str | None:
        """Which torch takes it with ``weights_only=True``, as ``"2.2 to 2.14"``, None where none is known."""
        return range_text(self.weights_only_from, self.weights_only_to)

    @property
    def is_zip(self) -> bool:
        """Whether it is a zip that can be read."""
        if self.kind == "numpy":
            return self.detail == ARRAYS
        if self.kind in ("state_dict", "module", "checkpoint", "pickle"):
            return not self.legacy and not self.is_plain_pickle
        readable = not self.detail.startswith(CANNOT_BE_READ)
        return self.kind in ("torchscript", "exported-program") or (self.kind == "zip" and readable)

    @property
    def is_plain_pickle(self) -> bool:
        """Whether it is a pickle that torch.save did not write."""
        return self.kind == "pickle" and self.detail.endswith(NOT_OF_TORCH_SAVE)

    @property
    def is_empty(self) -> bool:
        """Whether it is a dict that holds nothing, as the state_dict of a model without weights may be."""
        return self.detail.startswith(EMPTY_DICT)


# The kind, the detail, the keys, and what a checkpoint holds.
Found: TypeAlias = "tuple[WeightsKind, str, tuple[TensorKey, ...] | None, tuple[str, ...]]"


def shape_of(size: object) -> tuple[int, ...] | None:
    """Return a shape as non-negative numbers, None for what is none."""
    if not isinstance(size, tuple) or len(size) > _MAX_DIMENSIONS:
        return None
    numbers = tuple(number for number in size if type(number) is int and number >= 0)
    return numbers if len(numbers) == len(size) else None


def range_text(since: str | None, until: str | None) -> str | None:
    """Return versions as people write them, ``"2.3 to 2.5"`` or ``"2.3 and newer"``, None without bounds."""
    if since and until:
        return since if since == until else f"{since} to {until}"
    return f"{since} and newer" if since else f"up to {until}" if until else None


def count_of(number: int, word: str) -> str:
    """Return a number with its word, in the plural where it is not one."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
