"""``kaptain.platform.config.defaults`` (K105)."""

from marpack.serving.kaptain.providers import (
    DefaultMinioConfigurationProvider as DefaultMinioConfigurationProvider,
)
