"""What a worker surely does with a handler, followed through its text: which files it opens, what it asks for."""
