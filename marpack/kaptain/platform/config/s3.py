"""``kaptain.platform.config.s3`` (K105); the SDK's pages do not say where its MinIO's is, so it is here too."""

from marpack.serving.kaptain.values.providers import (
    DefaultMinioConfigurationProvider as DefaultMinioConfigurationProvider,
)
from marpack.serving.kaptain.values.providers import S3ConfigurationProvider as S3ConfigurationProvider
