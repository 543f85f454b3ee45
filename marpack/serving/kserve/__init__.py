"""The documents that KServe applies for a model: pure values and their text, without a cluster or a network."""
