"""What the SDK has values for: a model, its configuration and providers, what goes wrong, what is said."""
