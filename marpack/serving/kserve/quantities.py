"""Amounts of processors, memory and devices, as Kubernetes writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TypeAlias

from marpack.display import brief_repr
from marpack.findings import Issue

Quantity: TypeAlias = str | int | float

# k8s.io/apimachinery, pkg/api/resource/quantity.go. Its digits and exponents go on for ever.
_QUANTITY = re.compile(
    r"""
    (?P<number> [0-9]{1,100} (?: \. [0-9]{,100} )? | \. [0-9]{1,100} )
    (?: (?P<binary> [KMGTPE]i ) | (?P<decimal> [numkMGTPE] ) | [eE] (?P<exponent> [+-]? [0-9]{1,3} ) )?
    """,
    re.VERBOSE,
)
_DECIMAL: dict[str, int] = {letter: 3 * power for power, letter in enumerate("num kMGTPE", start=-3)}
_BINARY: dict[str, int] = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", start=1)}


def quantity_text(value: Quantity) -> str:
    """Return a quantity as the document has it."""
    return value if isinstance(value, str) else str(value)


def amount(value: Quantity) -> Decimal:
    """Return what a quantity stands for, in processors, bytes or devices; it has to be one."""
    parts = _QUANTITY.fullmatch(quantity_text(value))
    if parts is None:
        raise ValueError(value)
    number = Decimal(f"0{parts['number']}")
    if parts["binary"]:
        return number * _BINARY[parts["binary"]]
    power = _DECIMAL[parts["decimal"]] if parts["decimal"] else int(parts["exponent"] or 0)
    return number.scaleb(power)


def quantity_issues(argument: str, value: object) -> Iterator[Issue]:
    """Yield what keeps a value from being a quantity that is not negative; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        what = "must be a number or a text such as '500m' or '4G'"
        yield Issue(code="bad-type", argument=argument, message=f"{what}, not {type(value).__name__}")
        return
    is_beyond = not isinstance(value, str) and not 0 <= value < 1 << 63
    if is_beyond or not _QUANTITY.fullmatch(quantity_text(value)):
        what = "a number that is not negative, and one of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei behind it"
        message = f"{brief_repr(value)} is no quantity: write {what}, or none of them"
        yield Issue(code="bad-value", argument=argument, message=message)
