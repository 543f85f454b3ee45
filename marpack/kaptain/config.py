"""``kaptain.config`` (K104)."""

from marpack.serving.kaptain.config import Config as Config
