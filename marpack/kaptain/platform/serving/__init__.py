"""``kaptain.platform.serving``: what stands beside a model's server."""
