"""``kaptain.platform.config.provider`` (K105)."""

from marpack.serving.kaptain.providers import ConfigurationProvider as ConfigurationProvider
from marpack.serving.kaptain.providers import (
    EnvironmentVariableConfigurationProvider as EnvironmentVariableConfigurationProvider,
)
from marpack.serving.kaptain.providers import FileBasedConfigurationProvider as FileBasedConfigurationProvider
