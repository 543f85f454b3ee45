"""A deploy and what changes it: uploaded, written and recorded, whole or not at all."""
