"""``kaptain.platform.config.certificates`` (K105)."""

from marpack.serving.kaptain.providers import (
    DockerRegistryCertificateProvider as DockerRegistryCertificateProvider,
)
