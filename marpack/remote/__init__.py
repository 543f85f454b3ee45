"""Files in stores that a URL names: read, and written whole or not at all."""
