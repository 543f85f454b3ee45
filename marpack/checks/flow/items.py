"""Functions that take what a loop goes through, and give the same in another form."""

from __future__ import annotations

from collections.abc import Sequence

from marpack.checks.flow.values import UNKNOWN, Batch, Items, Known, Typed, Value, items_of

_MOST_ROUNDS = 64
ITEM_CALLS = frozenset(
    f"builtins.{name}" for name in ("enumerate", "iter", "list", "range", "reversed", "sorted", "tuple", "zip")
)


def of_items(path: str, given: Sequence[Value]) -> Value | None:
    """Return what a built-in function makes of items that are known, None where nothing of them is."""
    first = given[0] if given else UNKNOWN
    match path, first:
        case (("builtins.enumerate" | "builtins.reversed" | "builtins.sorted" | "builtins.iter"), Batch()):
            return first if path != "builtins.sorted" else None
        case (("builtins.list" | "builtins.tuple"), Batch()):
            return first
        case (("builtins.list" | "builtins.tuple" | "builtins.iter"), Items(_, values)):
            return items_of(path.rpartition(".")[2], values)
        case "builtins.reversed", Items(_, values):
            return items_of("reversed", values[::-1])
        case "builtins.enumerate", Items(_, values):
            start = given[1] if len(given) > 1 else Known(0)
            begin = start.value if isinstance(start, Known) and isinstance(start.value, int) else None
            numbers = [UNKNOWN if begin is None else Known(begin + place) for place in range(len(values))]
            return items_of("enumerate", [items_of("tuple", pair) for pair in zip(numbers, values, strict=True)])
        case "builtins.zip", Items() if all(isinstance(each, Items) for each in given):
            rows = zip(*(each.values for each in given if isinstance(each, Items)), strict=False)
            return items_of("zip", [items_of("tuple", row) for row in rows])
        case "builtins.range", Known(int(most)) if len(given) == 1 and 0 <= most <= _MOST_ROUNDS:
            return items_of("range", [Known(place) for place in range(most)])
        case "builtins.sorted", Items(_, values):
            return items_of("list", [UNKNOWN] * len(values)) if values else Typed(frozenset(["list"]))
    return None
