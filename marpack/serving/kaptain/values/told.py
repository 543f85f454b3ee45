"""What the SDK's calls say while they work: through ``logging``, else on standard error."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Literal, TypeAlias

from marpack.display import printable, showable
from marpack.serving.kaptain.values import envs

Level: TypeAlias = Literal["debug", "verbose", "info", "warning", "error"]

NAME = "marpack.kaptain"

_LEVELS: dict[Level, int] = {
    "debug": logging.DEBUG,
    "verbose": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def tell(text: str, level: Level = "info") -> None:
    """Say a line, without secrets and with what a terminal would act on escaped.

    It goes to the logger ``marpack.kaptain``. Where neither that nor one above it has a handler, as in a notebook,
    it goes to standard error as the SDK's own lines did, with the time in the form of ``envs.LOG_TIMEFORMAT``:
    ``verbose`` ones if ``envs.VERBOSE`` is set, ``debug`` ones if ``envs.DEBUG`` is (K107).
    """
    logger, number = logging.getLogger(NAME), _LEVELS[level]
    if number <= logger.manager.disable or (logger.level and number < logger.level):
        return  # who asked for less gets less, on standard error too
    shown = "\n".join(map(printable, showable(text).split("\n")))
    if logger.hasHandlers():
        logger.log(number, "%s", shown)
    elif level not in ("debug", "verbose") or envs.DEBUG or (level == "verbose" and envs.VERBOSE):
        record = logger.makeRecord(NAME, number, __name__, 0, shown, (), None)
        # logging's own formatter knows no fractions of a second, which the SDK's form has.
        time = datetime.fromtimestamp(record.created).strftime(showable(envs.LOG_TIMEFORMAT or ""))
        record.msg = " ".join(filter(None, [time, record.levelname, shown]))
        # Made for each line: standard error may have been replaced, and nothing of logging is to stay behind.
        logging.StreamHandler().handle(record)
