"""``kaptain.model``: models and their frameworks."""
