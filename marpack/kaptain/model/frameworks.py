"""``kaptain.model.frameworks`` (K101)."""

from marpack.serving.kaptain.frameworks import ModelFramework as ModelFramework
