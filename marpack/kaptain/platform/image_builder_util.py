"""``kaptain.platform.image_builder_util`` (K109)."""

from marpack.serving.kaptain.elsewhere import ImageBuilderUtil as ImageBuilderUtil
