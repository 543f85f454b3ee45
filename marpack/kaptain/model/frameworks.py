"""``kaptain.model.frameworks`` (K101)."""

from marpack.serving.kaptain.values.frameworks import ModelFramework as ModelFramework
