"""One archive: its manifest, its members, and the forms it can take."""
