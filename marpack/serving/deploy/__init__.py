"""From a declaration of models to a folder that a server serves: every archive, and its settings."""
