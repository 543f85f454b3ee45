"""``kaptain.hyperparameter.domains`` (K109)."""

from marpack.serving.kaptain.values.domains import Categorical as Categorical
from marpack.serving.kaptain.values.domains import Discrete as Discrete
from marpack.serving.kaptain.values.domains import Domain as Domain
from marpack.serving.kaptain.values.domains import Double as Double
from marpack.serving.kaptain.values.domains import Integer as Integer
