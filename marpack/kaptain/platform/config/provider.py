"""``kaptain.platform.config.provider`` (K105)."""

from marpack.serving.kaptain.values.providers import ConfigurationProvider as ConfigurationProvider
from marpack.serving.kaptain.values.providers import (
    EnvironmentVariableConfigurationProvider as EnvironmentVariableConfigurationProvider,
)
from marpack.serving.kaptain.values.providers import (
    FileBasedConfigurationProvider as FileBasedConfigurationProvider,
)
