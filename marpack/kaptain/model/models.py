"""``kaptain.model.models`` (K100)."""

from marpack.serving.kaptain.model import Model as Model
