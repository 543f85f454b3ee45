"""``kaptain.platform.config``: how registries and stores are reached."""
