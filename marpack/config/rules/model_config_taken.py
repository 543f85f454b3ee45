"""What the server takes of a model-config.yaml: what it does not take as it stands it raises, or leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from marpack.config.rules import model_config_text as known
from marpack.config.rules.model_config_text import ModelConfigText
from marpack.config.text.plain_copy import INT_RANGE, is_int


def as_taken(config: ModelConfigText) -> dict[str, Any]:
    """Return the settings that the front end or the base handler knows, as they are taken; the others not at all.

    ``minWorkers`` and ``maxWorkers`` are there as a pair, or not at all, as the server heeds them.
    """
    found = dict(_taken(config.copied[0]))
    low, high = found.get("minWorkers"), found.get("maxWorkers")
    if low is None or high is None or low > high:
        found.pop("minWorkers", None)
        found.pop("maxWorkers", None)
    return found


def _taken(settings: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    yield from _numbers(settings, known.NUMBERS)
    for key in known.FLAGS:
        if isinstance(settings.get(key), bool):
            yield key, settings[key]
    for key, choices in known.CHOICES.items():
        value = settings.get(key)
        if isinstance(value, str) and value.lower() in choices:
            yield key, value
    ids = settings.get("deviceIds")
    if isinstance(ids, list) and all(is_int(each) and 0 <= each <= INT_RANGE[-1] for each in ids):
        yield "deviceIds", ids
    if isinstance(torchrun := settings.get("torchrun"), Mapping):
        texts = [(key, torchrun[key]) for key in known.TORCHRUN_TEXTS if isinstance(torchrun.get(key), str)]
        taken = dict([*_numbers(torchrun, known.TORCHRUN_NUMBERS), *texts])
        yield "torchrun", {key: taken[key] for key in torchrun if key in taken}
    for key in sorted(known.MAPPINGS - {"torchrun"}):
        if isinstance(settings.get(key), Mapping):
            yield key, settings[key]
    if isinstance(settings.get("pt2"), (str, Mapping)):
        yield "pt2", settings["pt2"]


def _numbers(settings: Mapping[Any, Any], limits: Mapping[str, known.Limit]) -> Iterator[tuple[str, int]]:
    for key, limit in limits.items():
        value = settings.get(key)
        if not is_int(value) or value not in INT_RANGE:
            continue
        if value >= limit.lowest:
            yield key, value
        elif limit.instead is not None:
            yield key, limit.instead
