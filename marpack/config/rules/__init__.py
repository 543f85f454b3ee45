"""What a server refuses or ignores of its settings, of a snapshot, and of a model-config.yaml."""
