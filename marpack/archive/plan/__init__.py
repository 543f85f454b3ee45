"""From arguments, or an open archive, to a plan: a value that determines every byte of an archive."""
