"""Python files, read as text and never run: what their names mean, and what they would import."""
