"""The bytes of zip and deflate, and sums: pure, and knowing nothing of archives of models."""
