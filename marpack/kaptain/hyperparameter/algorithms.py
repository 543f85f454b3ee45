"""``kaptain.hyperparameter.algorithms``: an argument of ``tune``."""

from marpack.serving.kaptain.values.domains import Algorithm as Algorithm
