"""The exceptions of the Kaptain SDK by their names (K215 to K222): each is a ``MarpackError`` as well."""

from __future__ import annotations

from marpack.errors import MarpackError, PlanError, _KeptError


class ModelValidationException(MarpackError):
    """Something that a model needs is missing, or its state does not suit what is asked of it."""


class ModelDeploymentException(MarpackError):
    """A deployment failed, or the one that is meant is not there."""


class UnsupportedModelDeploymentException(MarpackError):
    """This model cannot be deployed."""


class ModelAlreadyExistsException(MarpackError, FileExistsError):
    """A model's JSON is there already, and ``overwrite`` was not given."""


class ModelPlanError(PlanError, ModelValidationException):
    """Arguments of a model are wrong, or files that it names; ``issues`` holds everything that is."""


class InvalidModelProperty(ModelPlanError):
    """A property of a model is None, blank, or not what it should be."""


class UndefinedModelProperty(InvalidModelProperty):
    """A property that a model must have is not defined."""


class UnsupportedModelFrameworkException(InvalidModelProperty):
    """A model's framework is none that is known."""


class _UndefinedAndUnsupported(UndefinedModelProperty, UnsupportedModelFrameworkException):
    """Both, at once: whoever catches one of them gets everything that is wrong."""


class UnsupportedAlgorithmException(MarpackError):
    """An algorithm of a search for hyperparameters is none that is known; marpack does not search."""


class UnsupportedMetricsTypeException(MarpackError):
    """A kind of metrics is none that is known; marpack does not track metrics."""


class ImageBuildException(MarpackError):
    """An image was not built, or not pushed; the text says why."""


class WorkloadDeploymentError(MarpackError):
    """A workload did not start; marpack starts none."""


class NotDoneHereError(_KeptError, NotImplementedError):
    """marpack does not do this (K253, K255): ``what`` was asked, and ``instead`` says what to do."""

    def __init__(self, what: str, instead: str) -> None:
        self.what = what
        self.instead = instead
        super().__init__(f"{what} is not done by marpack, which reaches no cluster: {instead}")


def property_error(*, undefined: bool, unsupported: bool) -> type[InvalidModelProperty]:
    """Return the class for issues of these kinds, so that every ``except`` line for one of them takes it."""
    if undefined and unsupported:
        return _UndefinedAndUnsupported
    if undefined:
        return UndefinedModelProperty
    return UnsupportedModelFrameworkException if unsupported else InvalidModelProperty
