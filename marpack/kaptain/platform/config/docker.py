"""``kaptain.platform.config.docker`` (K105)."""

from marpack.serving.kaptain.providers import DockerConfigurationProvider as DockerConfigurationProvider
