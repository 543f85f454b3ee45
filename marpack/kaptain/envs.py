"""``kaptain.envs`` (K107): the very module of the switches, so that what is set here is set."""

import sys
from typing import TYPE_CHECKING

from marpack.serving.kaptain.values import envs

if TYPE_CHECKING:
    from marpack.serving.kaptain.values.envs import DEBUG as DEBUG
    from marpack.serving.kaptain.values.envs import DOCKER_BUILDER_CPU_LIMIT as DOCKER_BUILDER_CPU_LIMIT
    from marpack.serving.kaptain.values.envs import DOCKER_BUILDER_CPU_REQUEST as DOCKER_BUILDER_CPU_REQUEST
    from marpack.serving.kaptain.values.envs import DOCKER_BUILDER_MEM_LIMIT as DOCKER_BUILDER_MEM_LIMIT
    from marpack.serving.kaptain.values.envs import DOCKER_BUILDER_MEM_REQUEST as DOCKER_BUILDER_MEM_REQUEST
    from marpack.serving.kaptain.values.envs import KAPTAIN_SDK_DELETE_EXPERIMENT as KAPTAIN_SDK_DELETE_EXPERIMENT
    from marpack.serving.kaptain.values.envs import KAPTAIN_SDK_FORCE_CLEANUP as KAPTAIN_SDK_FORCE_CLEANUP
    from marpack.serving.kaptain.values.envs import (
        KAPTAIN_SDK_TTL_SECONDS_AFTER_FINISHED as KAPTAIN_SDK_TTL_SECONDS_AFTER_FINISHED,
    )
    from marpack.serving.kaptain.values.envs import LOG_TIMEFORMAT as LOG_TIMEFORMAT
    from marpack.serving.kaptain.values.envs import VERBOSE as VERBOSE

sys.modules[__name__] = envs
