"""What rules look at: the files of a model, whatever holds them."""
