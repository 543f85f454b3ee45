"""``kaptain.platform.config.defaults`` (K105)."""

from marpack.serving.kaptain.values.providers import (
    DefaultMinioConfigurationProvider as DefaultMinioConfigurationProvider,
)
