"""``kaptain.platform.serving.transformer`` (K106)."""

from marpack.serving.kserve.transformer import Transformer as Transformer
