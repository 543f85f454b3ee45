"""``kaptain.exceptions`` (K215 to K221)."""

from marpack.serving.kaptain.values.exceptions import ImageBuildException as ImageBuildException
from marpack.serving.kaptain.values.exceptions import InvalidModelProperty as InvalidModelProperty
from marpack.serving.kaptain.values.exceptions import ModelAlreadyExistsException as ModelAlreadyExistsException
from marpack.serving.kaptain.values.exceptions import ModelDeploymentException as ModelDeploymentException
from marpack.serving.kaptain.values.exceptions import ModelPlanError as ModelPlanError
from marpack.serving.kaptain.values.exceptions import ModelValidationException as ModelValidationException
from marpack.serving.kaptain.values.exceptions import NotDoneHereError as NotDoneHereError
from marpack.serving.kaptain.values.exceptions import UndefinedModelProperty as UndefinedModelProperty
from marpack.serving.kaptain.values.exceptions import (
    UnsupportedAlgorithmException as UnsupportedAlgorithmException,
)
from marpack.serving.kaptain.values.exceptions import (
    UnsupportedMetricsTypeException as UnsupportedMetricsTypeException,
)
from marpack.serving.kaptain.values.exceptions import (
    UnsupportedModelDeploymentException as UnsupportedModelDeploymentException,
)
from marpack.serving.kaptain.values.exceptions import (
    UnsupportedModelFrameworkException as UnsupportedModelFrameworkException,
)
from marpack.serving.kaptain.values.exceptions import WorkloadDeploymentError as WorkloadDeploymentError
