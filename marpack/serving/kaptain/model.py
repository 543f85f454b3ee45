"""The ``Model`` of the Kaptain SDK: what it is, and what can be done with it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from marpack.serving.kaptain import deployments, model_document
from marpack.serving.kaptain.config import Config
from marpack.serving.kaptain.described_model import DescribedModel
from marpack.serving.kaptain.elsewhere import not_done_here
from marpack.serving.kaptain.exports import Phase, trainer_variables
from marpack.serving.kaptain.model_meta import ModelMeta
from marpack.serving.kserve.resources import Quantity, Resources
from marpack.serving.kserve.transformer import Transformer


class Model(DescribedModel):
    """A model that is trained and served, with the arguments of the SDK's constructor in their order (K120).

    Only ``id`` is needed to pack (K132); the archive's name is made from it (``sanitize_string``). ``framework``
    takes a ``ModelFramework``, or its name in any case. ``serving_config`` says how the model is served, see
    ``TorchServingArtifactBuilder``. ``extra_files`` and ``requirements`` are what training needs, and serving too
    where ``serving_config`` names no others. ``labels`` go to what is deployed, and ``config`` says where models
    are kept. ``main_file``, ``image_name`` and ``base_image`` are for images, which marpack does not build.

    Raises ``InvalidModelProperty``, a ``PlanError``, for everything that is wrong, all at once; it is also an
    ``UnsupportedModelFrameworkException`` when the framework is among it.
    """

    def meta(self) -> ModelMeta:
        """Return an immutable copy of all that is known of the model, but for its configuration (K135)."""
        return ModelMeta.of(self)

    def trainer_environment(self, phase: Phase = "trained", *, with_credentials: bool = False) -> dict[str, str]:
        """Return the variables to run the trainer with, so that it exports where ``deploy`` looks (K139).

        Each call names a new folder, ``<base>/<id>/<phase>/<32 hex digits>``; ``phase`` is ``trained`` or
        ``tuned``. ``with_credentials`` adds the variables of the store's provider, which hold keys.
        Raises ``ModelValidationException`` where no storage was given.
        """
        return trainer_variables(self, phase, with_credentials=with_credentials)

    def save_as_json(self, path: str = "", overwrite: bool = False, *, with_secrets: bool = False) -> None:
        """Write the model to ``path``, by default to ``<base>/<id>``, through its configuration's store (K136).

        ``path`` is a folder, which gets ``model.json``, or a file that ends in ``.json``; a path or a URL. Raises
        ``ModelAlreadyExistsException`` when the file is there and not ``overwrite``, and ``ModelPlanError`` for
        values that JSON does not hold, and for secrets unless ``with_secrets``.
        """
        model_document.save(self, path, overwrite=overwrite, with_secrets=with_secrets)

    @classmethod
    def load_from_json(cls, model_uri: str, config: Config) -> Model:
        """Return the model that ``save_as_json`` wrote to a path or URL; it gets ``config``.

        Raises ``ModelValidationException`` where there is none, or another document, and ``InvalidModelProperty``
        for what is wrong in it.
        """
        document = model_document.load(model_uri, config)
        model = cls(**document.properties, config=config)
        document.restore(model)
        return model

    def deploy(
        self,
        model_uri: str | os.PathLike[str] | None = None,
        autoscale: int = 2,
        gpus: Quantity | None = None,
        cpu: Quantity | None = None,
        memory: Quantity | None = None,
        resources: Resources | None = None,
        replace: bool = False,
        transformer: Transformer | None = None,
        **options: Any,
    ) -> bool:
        """Build what serves the model, put it into the store, and write the manifests for it (K140 to K146).

        See ``deployments.deploy``.
        """
        return deployments.deploy(
            self,
            model_uri=model_uri,
            autoscale=autoscale,
            gpus=gpus,
            cpu=cpu,
            memory=memory,
            resources=resources,
            replace=replace,
            transformer=transformer,
            **options,
        )

    def deploy_canary(
        self, canary_traffic_percentage: int, model_uri: str | os.PathLike[str] | None = None, **options: Any
    ) -> None:
        """Give another model a share of the traffic of what is deployed (K160)."""
        deployments.deploy_canary(self, canary_traffic_percentage, model_uri, **options)

    def promote_canary(self, *, output: str | os.PathLike[str] | None = None) -> None:
        """Give the canary all of the traffic (K161)."""
        deployments.promote_canary(self, output=output)

    def rollback_canary(self, *, output: str | os.PathLike[str] | None = None) -> None:
        """Take the canary away (K161)."""
        deployments.rollback_canary(self, output=output)

    def undeploy(self) -> None:
        """Say how to remove what is deployed, canary and all, and forget it (K162)."""
        deployments.undeploy(self)

    def build(self, verbose: bool | None = None) -> bool:
        """Raise ``NotDoneHereError``: marpack builds no images."""
        raise not_done_here("build")

    def train(
        self,
        hyperparameters: Mapping[str, Any] | None = None,
        args: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> bool:
        """Raise ``NotDoneHereError``, which says how to train and have ``deploy`` find the result (K253)."""
        raise not_done_here("train")

    def tune(
        self,
        hyperparameters: Mapping[str, Any] | None = None,
        objectives: Sequence[str] | None = None,
        **options: Any,
    ) -> bool:
        """Raise ``NotDoneHereError``, which says how to tune and have ``deploy`` find the result (K253)."""
        raise not_done_here("tune")

    def log_data(self, *args: Any, **options: Any) -> None:
        """Raise ``NotDoneHereError``: marpack keeps no records of runs (K255)."""
        raise not_done_here("log_data")

    def log_metrics(self, *args: Any, **options: Any) -> None:
        """Raise ``NotDoneHereError``: marpack keeps no records of runs (K255)."""
        raise not_done_here("log_metrics")
