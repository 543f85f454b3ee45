"""``kaptain.config`` (K104)."""

from marpack.serving.kaptain.values.config import Config as Config
