"""The grammar of what a server is told: properties, and YAML."""
