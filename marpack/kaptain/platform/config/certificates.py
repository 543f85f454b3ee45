"""``kaptain.platform.config.certificates`` (K105)."""

from marpack.serving.kaptain.values.providers import (
    DockerRegistryCertificateProvider as DockerRegistryCertificateProvider,
)
