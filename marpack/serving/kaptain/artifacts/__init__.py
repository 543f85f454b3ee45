"""What TorchServe is given: an archive and its settings, from a ``serving_config``."""
