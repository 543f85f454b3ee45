"""Which torch can read a file: what came to torch when, as data, and what a file needs of it.

The tables are read from the sources in torch's released packages, the last patch release of each minor version
(1.8 to 2.15), and stand under the first version that has the thing. Nothing older than 1.8 is told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Final, TypeAlias

from marpack.archive.inspection.kinds import Need
from marpack.frozen import frozen

Version: TypeAlias = tuple[int, int]

# caffe2/serialize/versions.h, kMaxSupportedFileFormatVersion: what each can read; later ones of 2.x have kept it.
_FORMATS: Final[dict[int, Version]] = {
    **dict.fromkeys((6,), (1, 9)),
    **dict.fromkeys((7, 8, 9), (1, 11)),
    10: (1, 12),
}

# torch/_export/serde/schema.py, SCHEMA_VERSION: its first number has to be the reader's own. The first and the
# last version that have it; None where the newest still has.
_SCHEMAS: Final[dict[int, tuple[Version, Version | None]]] = {
    1: ((2, 1), (2, 1)),
    2: ((2, 2), (2, 2)),
    5: ((2, 3), (2, 4)),
    7: ((2, 5), (2, 5)),
    8: ((2, 6), None),
}
# torch/export/pt2_archive: the form in which torch.export.save writes since then.
PT2_ARCHIVE: Final[Version] = (2, 8)

# c10/core/ScalarType.h: dtypes, which are pickled under these names, and safetensors' are these.
_DTYPES: Final = {
    (2, 1): "bits16 bits1x8 bits2x4 bits4x2 bits8 float8_e4m3fn float8_e5m2",
    (2, 2): "float8_e4m3fnuz float8_e5m2fnuz",
    (2, 3): "uint1 uint16 uint2 uint3 uint32 uint4 uint5 uint6 uint64 uint7",
    (2, 6): "int1 int2 int3 int4 int5 int6 int7",
    (2, 7): "float8_e8m0fnu",
    (2, 8): "float4_e2m1fn_x2",
    (2, 14): "bcomplex32",
}
# Names of torch's modules that pickles import, and whole modules.
_NAMES: Final = {
    (2, 0): """
        torch._utils._rebuild_parameter_with_state torch.ao.nn.intrinsic.qat. torch.ao.nn.intrinsic.quantized.
        torch.optim.lr_scheduler.LRScheduler
    """,
    (2, 1): """
        torch.ao.quantization.pt2e. torch.ao.quantization.quantizer.
        torch.nn.modules.padding.CircularPad1d torch.nn.modules.padding.CircularPad2d
        torch.nn.modules.padding.CircularPad3d torch.nn.modules.padding.ZeroPad1d
        torch.nn.modules.padding.ZeroPad3d
    """,
    (2, 2): """
        torch._utils._rebuild_nested_tensor torch._utils._rebuild_tensor_v3 torch.distributed.device_mesh.
        torch.nested._internal.
    """,
    (2, 3): "torch.amp.grad_scaler. torch.nn.attention. torch.nn.modules.pooling.LPPool3d",
    (2, 4): "torch.nn.modules.normalization.RMSNorm",
    (2, 5): """
        torch.distributed.tensor._api. torch.distributed.tensor._dtensor_spec. torch.distributed.tensor.DTensor
        torch.distributed.tensor.placement_types. torch.nn.attention.flex_attention. torch.nn.parameter.Buffer
        torch.optim.Adafactor torch.optim._adafactor.
    """,
    (2, 6): "torch._utils._rebuild_device_tensor_from_cpu_tensor",
    (2, 9): "torch.optim.Muon torch.optim._muon.",
    (2, 10): "torch.distributed._mesh_layout.",
    (2, 13): """
        torch.nn.modules.linear_cross_entropy. torch.nn.modules.linear_cross_entropy_options.
        torch.nn.modules.loss.LinearCrossEntropyLoss
    """,
}
# Modules that went again: the last version that has them.
_GONE: Final = {
    (1, 13): "torch.ao.sparsity.",
    (2, 10): "torch.ao.quantization.pt2e. torch.ao.quantization.quantizer.",
}
# ATen's native_functions.yaml: the operators of models that TorchScript writes as torch.<name>(...), as far as
# they are not made by backward passes, optimizers or tests.
_OPERATORS: Final = {
    (2, 0): """
        scaled_dot_product_attention mkldnn_rnn_layer _efficient_attention_forward _flash_attention_forward
        _fused_sdp_choice _is_all_true _is_any_true _native_batch_norm_legit _prelu_kernel _reshape_copy
        _scaled_dot_product_efficient_attention _scaled_dot_product_flash_attention _sparse_mm_reduce_impl
    """,
    (2, 1): """
        empty_permuted nonzero_static quantized_max_pool3d sym_constrain_range sym_constrain_range_for_size
        _cslt_compress _cslt_sparse_mm _foreach_copy_ _foreach_pow _foreach_sign _functional_assert_async _int_mm
        _native_batch_norm_legit_no_training _nested_tensor_storage_offsets _scaled_mm
        _sparse_semi_structured_linear _to_sparse_semi_structured _unsafe_index _unsafe_index_put
    """,
    (2, 2): "_convert_weight_to_int4pack _mixed_dtypes_linear _weight_int4pack_mm",
    (2, 3): """
        slice_inverse _assert_scalar _chunk_cat _functional_assert_scalar _lazy_clone _nested_get_jagged_dummy
        _nested_get_lengths _nested_get_offsets _nested_get_ragged_idx _nested_get_values _nested_view_from_jagged
        _print _scaled_dot_product_cudnn_attention _scaled_dot_product_flash_attention_for_cpu _weight_int8pack_mm
    """,
    (2, 4): """
        rms_norm _batch_norm_no_update _batch_norm_with_update _foreach_max _jagged_to_padded_dense_forward
        _nested_compute_contiguous_strides_offsets _padded_dense_to_jagged_forward _sparse_semi_structured_mm
    """,
    (2, 5): """
        _nested_get_max_seqlen _nested_get_min_seqlen _safe_softmax _scaled_dot_product_attention_math_for_mps
        _scaled_dot_product_fused_attention_overrideable _spsolve _unsafe_masked_index
        _unsafe_masked_index_put_accumulate _wrapped_linear_prepack _wrapped_quantized_linear_prepacked
    """,
    (2, 6): """
        _convert_weight_to_int4pack_for_cpu _foreach_rsqrt _nested_from_padded_tensor _weight_int4pack_mm_for_cpu
    """,
    (2, 7): """
        _cudnn_attention_forward _dyn_quant_matmul_4bit _dyn_quant_pack_4bit_weight _scaled_grouped_mm
    """,
    (2, 8): "_fused_rms_norm _grouped_mm _weight_int4pack_mm_with_scales_and_zeros",
    (2, 9): "hash_tensor",
    (2, 10): "_scaled_grouped_mm_v2 _scaled_mm_v2",
    (2, 11): "linalg__powsum _foreach_powsum",
    (2, 12): """
        _foreach_clone _philox_key_fold_in _philox_key_split _philox_normal_ _philox_uniform_
        _upsample_lanczos2d_aa
    """,
    (2, 13): "_foreach_mm",
    (2, 14): "linalg_matrix_sqrth linalg_polar",
    (2, 15): "_cudnn_attention_forward_no_dropout_inplace _philox_randint_ _scaled_addmm _scaled_addmm_",
}


def _by_name(table: dict[Version, str], form: str = "{}") -> dict[str, Version]:
    return {form.format(name): version for version, names in table.items() for name in names.split()}


_FIRST: Final = {**_by_name(_NAMES), **_by_name(_DTYPES, "torch.{}")}
_LAST: Final = _by_name(_GONE)
_FIRST_OPERATORS: Final = _by_name(_OPERATORS)
# How TorchScript writes a call of one of ATen's operators.
_CALL: Final = re.compile(rb"\btorch\.([a-z_][a-z0-9_]*)\(")

_STORAGE: Final = re.compile(r"torch\.([A-Za-z0-9_]+)Storage")

# numpy 2 moved what pickled arrays import to numpy._core; numpy 1 knows that name since 1.26.1.
NUMPY_CORE: Final = "numpy._core."
NUMPY_FROM: Final = "1.26.1"


@frozen
class Readers:
    """Which torch reads a file, as far as its bytes tell; ``because`` are the names, operators or versions.

    ``needs`` are all that some torch has not, each with the first that has it.
    """

    since: Version | None = None
    until: Version | None = None
    because: tuple[str, ...] = ()
    needs: tuple[tuple[str, Version], ...] = field(default=(), compare=False)

    def among(self, other: Readers) -> Readers:
        """Return who reads what both stand for."""
        since = max(filter(None, (self.since, other.since)), default=None)
        until = min(filter(None, (self.until, other.until)), default=None)
        decisive = [
            each
            for each in (self, other)
            if (since is not None and each.since == since) or (until is not None and each.until == until)
        ]
        because = tuple(name for each in decisive for name in each.because)
        needs = tuple(sorted({*self.needs, *other.needs}, key=lambda need: (need[1], need[0]), reverse=True))
        return Readers(since=since, until=until, because=because, needs=needs)


def readers_of_names(names: Iterable[str]) -> Readers:
    """Return which torch has all the names that a pickle imports, each ``"module.name"``."""
    return _all(_bounds(name) for name in names if name.startswith("torch."))


def readers_of_storages(names: Iterable[str]) -> Readers:
    """Return which torch has the dtypes of all storages that TorchScript names, as ``"torch.UInt16Storage"``."""
    named = (_STORAGE.fullmatch(name) for name in names)
    return readers_of_dtypes(found[1].lower() for found in named if found)


def readers_of_code(code: bytes) -> Readers:
    """Return which torch has all the operators that a source of TorchScript calls."""
    called = sorted({name.decode() for name in _CALL.findall(code)})
    return _all((f"aten::{name}", _FIRST_OPERATORS.get(name), None) for name in called)


def readers_of_dtypes(dtypes: Iterable[str | None]) -> Readers:
    """Return which torch has all of some dtypes, as ``"float32"``."""
    return readers_of_names(f"torch.{dtype}" for dtype in dict.fromkeys(dtypes))


def readers_of_format(version: int) -> Readers:
    """Return which torch reads a file of this format version, the record ``version``."""
    since = _FORMATS.get(version)
    name = f"format version {version}"
    return Readers(since=since, because=(name,), needs=((name, since),)) if since else Readers()


def readers_of_schema(major: int, *, archive: bool) -> Readers:
    """Return which torch reads a program of ``torch.export``; ``archive`` where it is in the form since 2.8."""
    since, until = _SCHEMAS.get(major, (None, None))
    name, form = f"schema version {major}", "form pt2"
    readers = Readers(since=since, until=until, because=(name,), needs=((name, since),)) if since else Readers()
    newer = Readers(since=PT2_ARCHIVE, because=(form,), needs=((form, PT2_ARCHIVE),))
    return readers.among(newer) if archive else readers


def numpy_of_names(names: Iterable[str]) -> str | None:
    """Return the first numpy that has all the names that a pickle imports, None where any has."""
    return NUMPY_FROM if any(name.startswith(NUMPY_CORE) for name in names) else None


def needs_of(readers: Readers) -> tuple[Need, ...]:
    """Return what a file needs, for a report."""
    return tuple(Need(name=name, torch=f"{since[0]}.{since[1]}") for name, since in readers.needs)


def version_of(text: str) -> Version:
    """Return the version that a text begins with, as ``"2.1"`` or ``"2.1.0+cpu"``."""
    major, minor = re.findall("[0-9]+", text)[:2]
    return int(major), int(minor)


def version_text(version: Version | None) -> str | None:
    """Return a version as people write it."""
    return None if version is None else f"{version[0]}.{version[1]}"


def _bounds(name: str) -> tuple[str, Version | None, Version | None]:
    since, until = _FIRST.get(name), None
    parts = name.split(".")
    for end in range(2, len(parts)):
        prefix = ".".join(parts[:end]) + "."
        since = max(filter(None, (since, _FIRST.get(prefix))), default=None)
        until = until or _LAST.get(prefix)
    return name, since, until


def _all(bounds: Iterable[tuple[str, Version | None, Version | None]]) -> Readers:
    """Return who has all of them, because of those that are the hardest to have."""
    found = [bound for bound in bounds if bound[1] or bound[2]]
    since = max((bound[1] for bound in found if bound[1]), default=None)
    until = min((bound[2] for bound in found if bound[2]), default=None)
    because = tuple(_decisive(found, since, until))
    needs = sorted({(name, first) for name, first, _ in found if first}, key=lambda need: (need[1], need[0]))
    return Readers(since=since, until=until, because=because, needs=tuple(reversed(needs)))


def _decisive(
    found: list[tuple[str, Version | None, Version | None]], since: Version | None, until: Version | None
) -> Iterator[str]:
    for name, first, last in found:
        if (first is not None and first == since) or (last is not None and last == until):
            yield name
