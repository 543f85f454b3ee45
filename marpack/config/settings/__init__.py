"""The settings there are: their keys and types, the releases that know them, variables, and what is secret."""
