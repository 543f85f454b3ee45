"""Models as they are described, configurations and providers, exceptions, switches, and what is told."""
