"""The rules: what TorchServe refuses of an archive, one small function each."""
