"""What the server is told: config.properties, model snapshots, model-config.yaml."""
