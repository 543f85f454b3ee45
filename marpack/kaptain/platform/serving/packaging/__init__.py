"""``kaptain.platform.serving.packaging``: what a server is given."""
