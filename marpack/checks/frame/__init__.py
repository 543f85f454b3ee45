"""What a rule is, and what it looks at: the files of a model, whatever holds them."""
