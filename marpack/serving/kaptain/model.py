"""The ``Model`` of the Kaptain SDK: what it is, and what can be done with it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from marpack.serving.kaptain import model_document
from marpack.serving.kaptain.deploys import calls
from marpack.serving.kaptain.deploys.arguments import CanaryOptions, DeployOptions
from marpack.serving.kaptain.exports.stored_exports import Phase, recorded_metrics, trainer_variables
from marpack.serving.kaptain.values.config import Config
from marpack.serving.kaptain.values.described_model import DescribedModel
from marpack.serving.kaptain.values.elsewhere import not_done_here
from marpack.serving.kaptain.values.environment import UPLOAD_PATH
from marpack.serving.kaptain.values.model_meta import ModelMeta
from marpack.serving.kserve.quantities import Quantity
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.transformer import Transformer

if TYPE_CHECKING:
    from typing import Unpack


class Model(DescribedModel):
    """A model that is trained and served, with the arguments of the SDK's constructor in their order (K120).

    Only ``id`` is needed to pack (K132); the archive's name is made from it (``sanitize_string``). ``framework``
    takes a ``ModelFramework``, or its name in any case. ``serving_config`` says how the model is served, see
    ``TorchServingArtifactBuilder``. ``extra_files`` and ``requirements`` are what training needs, and serving too
    where ``serving_config`` names no others. ``labels`` go to what is deployed, and ``config`` says where models
    are kept. ``main_file``, ``image_name`` and ``base_image`` are for ``build``.

    Raises ``InvalidModelProperty``, a ``PlanError``, for everything that is wrong, all at once; it is also an
    ``UnsupportedModelFrameworkException`` when the framework is among it.
    """

    # Where a trainer was told to export to, as long as no metrics of it were found.
    _awaited: tuple[Phase, str] | None = None
    _metrics: dict[str, dict[str, float]] | None = None

    @property
    def metrics(self) -> dict[str, dict[str, float]] | None:
        """None, or what the trainer of the newest export recorded: name -> ``latest``, ``min``, ``max`` (K134).

        After ``trainer_environment`` the store is asked, until those of that trainer are there; an error of the
        store passes through.
        """
        if self._awaited is not None and (found := recorded_metrics(self, *self._awaited)) is not None:
            self.metrics = found
        return self._metrics

    @metrics.setter
    def metrics(self, value: dict[str, dict[str, float]] | None) -> None:
        self._metrics, self._awaited = value, None

    def meta(self) -> ModelMeta:
        """Return an immutable copy of all that is known of the model, but for its configuration (K135)."""
        return ModelMeta.of(self)

    def trainer_environment(self, phase: Phase = "trained", *, with_credentials: bool = False) -> dict[str, str]:
        """Return the variables to run the trainer with, so that it exports where ``deploy`` looks (K139).

        Each call names a new folder, ``<base>/<id>/<phase>/<32 hex digits>``; ``phase`` is ``trained`` or
        ``tuned``. ``with_credentials`` adds the variables of the store's provider, which hold keys.
        Raises ``ModelValidationException`` where no storage was given.
        """
        told = trainer_variables(self, phase, with_credentials=with_credentials)
        self._awaited = phase, os.path.basename(told[UPLOAD_PATH])
        return told

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
        **options: Unpack[DeployOptions],
    ) -> bool:
        """Build what serves the model, put it into its store, and write the manifests for it (K140 to K148).

        The archive and its config.properties go to ``<base>/<id>/deploy/<32 hex digits>``, whole or not at all;
        the InferenceService, its ServiceAccount and Secret are YAML in ``output``. Nothing reaches a cluster:
        ``kubectl apply -f`` does, and the log says so. ``deployment`` then has what was made.

        - ``model_uri``: the saved model, a path or a URL; by default ``serving_config``'s ``serialized_file``,
          else the newest export.
        - ``autoscale``: how many requests at once one server is to have.
        - ``cpu``, ``memory``, ``gpus``: what a server asks for and at most gets; or ``resources``, not both.
        - ``replace``: without it, a model that is deployed stays: the log says so, and the result is False.
        - ``transformer``: a container in front of the server.
        - ``options``, which the SDK has not: ``namespace``, ``output`` (the folder of the manifests, by default
          the configuration's ``base_dir``), ``torchserve_version`` (adapts config.properties, which is Kaptain's
          text otherwise), ``protocol_version``, ``min_replicas``, ``max_replicas``, ``scale_metric``,
          ``container_concurrency``, ``timeout``, ``service_account_name``, ``args``, ``env``, ``env_from``,
          ``runtime``, ``runtime_version``, ``image``, ``predictor_form``, ``with_credentials`` (real keys in the
          Secret's file), and ``archive_format``, ``reproducible``, ``timestamp``, ``check`` and ``torch`` as for
          ``marpack.pack``; and ``signature``, a ``marpack.signing.RequiredSignature`` that the saved model has to
          have: of its file, or of the folder that it lies in.

        Returns True when the model was deployed. Raises ``ModelPlanError`` for everything that is wrong with the
        arguments and the model's files, before anything is built or sent, ``UnsupportedModelDeploymentException``,
        ``ModelDeploymentException`` for what the disk or the store refuses, ``CheckError`` and ``SignatureError``.
        """
        return calls.deploy(
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
        self,
        canary_traffic_percentage: int,
        model_uri: str | os.PathLike[str] | None = None,
        **options: Unpack[CanaryOptions],
    ) -> None:
        """Write the manifest that gives another model a share of the traffic, 0 to 100 percent (K160, K332).

        The model is ``model_uri``, else the newest export; of a canary that is there, the share alone changes
        unless ``model_uri`` is given. ``options`` are ``output`` and those of packing. Raises what ``deploy``
        does, and ``ModelDeploymentException`` when nothing is deployed.
        """
        calls.deploy_canary(self, canary_traffic_percentage, model_uri, **options)

    def promote_canary(self, *, output: str | os.PathLike[str] | None = None) -> None:
        """Write the manifest that gives the canary all of the traffic (K161).

        Raises ``ModelDeploymentException`` when there is no canary.
        """
        calls.promote_canary(self, output=output)

    def rollback_canary(self, *, output: str | os.PathLike[str] | None = None) -> None:
        """Write the manifest that takes the canary away, and gives all of the traffic back (K161).

        Raises ``ModelDeploymentException`` when there is no canary.
        """
        calls.rollback_canary(self, output=output)

    def undeploy(self) -> None:
        """Forget what is deployed, canary and all, and say how ``kubectl`` removes it (K162).

        Raises ``ModelDeploymentException`` when nothing is deployed.
        """
        calls.undeploy(self)

    def build(
        self,
        verbose: bool | None = None,
        *,
        output: str | os.PathLike[str] | None = None,
        base_layout: str | os.PathLike[str] | None = None,
        push: bool = False,
        plain_http: bool = False,
    ) -> bool:
        """Make the image ``image_name`` that runs ``main_file``, or what docker makes it of (K202, K207).

        - ``base_layout``: an OCI layout of ``base_image``, or what ``docker save`` wrote, which has all that the
          trainer requires; ``base_image`` itself may be its path. The image is then written to
          ``<output>/<name>-image`` without a daemon; it is the base's for ``linux/amd64``.
        - Without it, or with ``requirements``, which have to be installed: a Containerfile and its files go to
          ``<output>/<name>-build``, and the log says how to build and push it; ``base_image`` is a name then.
        - ``output``: by default the configuration's ``base_dir``, below which the model's files lie.
        - ``push``: send it to the registry of ``image_name`` (extra ``oci``); ``plain_http``: without encryption.

        What is there with the same tag and the checksum of the same contents stays, unless it is damaged, and the
        log says so (K205). No image holds what an earlier ``build`` has written there.
        Returns True. Raises ``ModelPlanError`` for what is wrong with the model, and ``ImageBuildException``, also
        for a file that changes meanwhile. ``verbose`` means nothing.
        """
        from marpack.serving.kaptain.training_image import build

        return build(self, output=output, base_layout=base_layout, push=push, plain_http=plain_http)

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
