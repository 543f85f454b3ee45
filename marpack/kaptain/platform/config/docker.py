"""``kaptain.platform.config.docker`` (K105)."""

from marpack.serving.kaptain.values.providers import DockerConfigurationProvider as DockerConfigurationProvider
