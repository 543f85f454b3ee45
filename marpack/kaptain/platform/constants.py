"""``kaptain.platform.constants`` (K106)."""

from marpack.serving.kserve.transformer import CONFIG_MAP_KIND as CONFIG_MAP_KIND
from marpack.serving.kserve.transformer import SECRET_KIND as SECRET_KIND
