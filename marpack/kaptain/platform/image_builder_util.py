"""``kaptain.platform.image_builder_util`` (K109)."""

from marpack.serving.kaptain.values.elsewhere import ImageBuilderUtil as ImageBuilderUtil
