"""What the Kaptain SDK does in its cluster and marpack does not: one error each, with what to do (K253, K255)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marpack.serving.kaptain.values.exceptions import NotDoneHereError

_TRAINING = (
    "run the trainer with the variables of model.{phase}, so that ModelExportUtil().upload_model puts the weights "
    "where deploy looks; or give them to deploy as serving_config['serialized_file'] or model_uri=, or to "
    "TorchServingArtifactBuilder as exported_model="
)
_TRACKING = (
    "log to MLflow, or to what else keeps records of your runs; model.metrics has what the trainer recorded"
)
_INSTEAD = {
    "build_image": "docker build it with your Dockerfile, and docker push it",
    "train": _TRAINING.format(phase="trainer_environment()"),
    "tune": _TRAINING.format(phase="trainer_environment('tuned')"),
    "log_data": _TRACKING,
    "log_metrics": _TRACKING,
}


def not_done_here(what: str) -> NotDoneHereError:
    """Return the error for a method of the SDK."""
    return NotDoneHereError(f"{what}()", _INSTEAD[what])


class ImageBuilderUtil:
    """Describes an image; it is built elsewhere (K204)."""

    def __init__(self, **description: Any) -> None:
        self.description = description

    @classmethod
    def builder(cls, **description: Any) -> ImageBuilderUtil:
        """Take what an image is made of."""
        return cls(**description)

    def build_image(self) -> bool:
        """Raise ``NotDoneHereError``."""
        raise not_done_here("build_image")


# The functions of ``kaptain.utils`` (K109), each with what lists or removes the same.
_KUBECTL = {
    "clean": "kubectl get secret,serviceaccount -l {labels}, and kubectl delete what is not needed",
    "clean_all": "kubectl delete isvc,secret,serviceaccount -l {labels}",
    "delete_experiment": "kubectl delete experiment NAME",
    "delete_experiments": "kubectl delete experiment NAME",
    "delete_inference_service": "kubectl delete isvc NAME",
    "delete_inference_services": "kubectl delete isvc -l {labels}",
    "delete_job": "kubectl delete pytorchjob NAME",
    "delete_jobs": "kubectl delete pytorchjob NAME",
    "delete_resource": "kubectl delete KIND NAME",
    "diagnose": "kubectl get isvc,secret,serviceaccount,pod -l {labels}",
    "list_all_resources": "kubectl get isvc,secret,serviceaccount -l {labels}",
    "list_experiments": "kubectl get experiment",
    "list_inference_services": "kubectl get isvc -l {labels}",
    "list_jobs": "kubectl get pytorchjob,tfjob,job",
}
# On everything that deploy writes (K151).
_LABELS = "app.kubernetes.io/managed-by=marpack"

CLUSTER_FUNCTIONS = tuple(_KUBECTL)


def cluster_function(name: str) -> Callable[..., None]:
    """Return a function of ``kaptain.utils``, which raises ``NotDoneHereError`` when it is called (K255)."""
    instead = _KUBECTL[name].format(labels=_LABELS)

    def function(*args: Any, **options: Any) -> None:
        raise NotDoneHereError(f"{name}()", instead)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Raise ``NotDoneHereError``, which says: {instead}."
    return function
