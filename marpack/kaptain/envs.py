"""``kaptain.envs`` (K107): the very module of the switches, so that what is set here is set."""

import sys
from typing import TYPE_CHECKING

from marpack.serving.kaptain import envs

if TYPE_CHECKING:
    from marpack.serving.kaptain.envs import DEBUG as DEBUG
    from marpack.serving.kaptain.envs import LOG_TIMEFORMAT as LOG_TIMEFORMAT
    from marpack.serving.kaptain.envs import VERBOSE as VERBOSE

sys.modules[__name__] = envs
