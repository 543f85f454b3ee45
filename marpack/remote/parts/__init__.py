"""Parts of a file that a URL names, asked of its server: an archive is read where it lies."""
