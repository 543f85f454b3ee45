"""``kaptain.utilities`` (K103)."""

from marpack.serving.deploy.names import sanitize_string as sanitize_string
