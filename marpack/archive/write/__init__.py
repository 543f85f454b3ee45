"""From a plan to bytes, a file or a folder."""
