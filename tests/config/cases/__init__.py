"""Texts of settings in which lint finds something, each beside one near it in which it finds nothing."""
