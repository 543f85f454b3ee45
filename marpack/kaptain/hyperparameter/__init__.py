"""``kaptain.hyperparameter``: what a search would try."""
