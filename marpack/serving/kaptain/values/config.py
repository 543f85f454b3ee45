"""How a model reaches its store and its files: the ``Config`` of the Kaptain SDK (K190 to K195)."""

from __future__ import annotations

import os
from typing import Any, NoReturn

from marpack.display import brief_repr, hidden_endpoint
from marpack.findings import Issue
from marpack.remote.storage import StorageFolder
from marpack.remote.urls import is_url, scheme_of
from marpack.serving.deploy.tables import unknown_name
from marpack.serving.kaptain.values.environment import BOTO_ENDPOINTS, variable, variables
from marpack.serving.kaptain.values.exceptions import ModelPlanError, ModelValidationException
from marpack.serving.kaptain.values.providers import S3_VARIABLES, ConfigurationProvider, s3_options


class _Unsaid(str):
    """The default that nobody chose; it reads as the SDK's."""

    __slots__ = ()


# In the MinIO of Kaptain's cluster.
_DEFAULT_STORAGE = _Unsaid("s3://kaptain/models")
_S3 = {"s3", "s3a"}
_ENDPOINT = "S3_ENDPOINT"


class Config:
    """Where models are kept and how that is reached; its attributes may be set, as the SDK's pages do.

    - ``storage_config_provider``: access to the store. Without one, variables of the environment that the SDK
      knows are heeded (``S3_ENDPOINT``, ``AWS_ACCESS_KEY_ID`` ...), and then the store's library looks itself.
    - ``base_dir``: the folder that relative paths of a model begin at, by default the current one when they are
      used.
    - ``base_model_storage_uri``: a path or a URL. The default, ``s3://kaptain/models``, is a bucket of the MinIO
      in Kaptain's cluster. In Amazon's store that name is a stranger's, so it is used only where a provider or
      the environment names an endpoint.
    - ``docker_config_provider``, ``docker_registry_url``, ``docker_registry_certificate_provider`` are kept, and
      nothing of marpack needs them (K131).

    A pickled configuration holds the keys of its providers. Raises ``ModelPlanError`` for values of a wrong kind
    and for names that are not known, all at once.
    """

    docker_config_provider: ConfigurationProvider | None
    storage_config_provider: ConfigurationProvider | None
    docker_registry_url: str | None
    docker_registry_certificate_provider: ConfigurationProvider | None
    base_dir: str | os.PathLike[str]
    base_model_storage_uri: str | os.PathLike[str]

    def __init__(
        self,
        docker_config_provider: ConfigurationProvider | None = None,
        storage_config_provider: ConfigurationProvider | None = None,
        docker_registry_url: str | None = None,
        docker_registry_certificate_provider: ConfigurationProvider | None = None,
        base_dir: str | os.PathLike[str] = ".",
        base_model_storage_uri: str | os.PathLike[str] = _DEFAULT_STORAGE,
        **unknown: NoReturn,
    ) -> None:
        values = {
            "docker_config_provider": docker_config_provider,
            "storage_config_provider": storage_config_provider,
            "docker_registry_url": docker_registry_url,
            "docker_registry_certificate_provider": docker_registry_certificate_provider,
            "base_dir": base_dir,
            "base_model_storage_uri": base_model_storage_uri,
        }
        if issues := [issue for name, value in {**values, **unknown}.items() if (issue := _issue(name, value))]:
            raise ModelPlanError(issues)
        vars(self).update(values)

    @classmethod
    def default(cls) -> Config:
        """Return what a model without a configuration has; no file is looked for."""
        return cls()

    def storage(self) -> StorageFolder:
        """Return the folder below which models are kept; nothing is asked of a store yet.

        Raises ``ModelValidationException`` where none was given (K195).
        """
        if problem := self.storage_problem():
            raise ModelValidationException(problem)
        return self.folder_at(self.base_model_storage_uri)

    def storage_problem(self) -> str | None:
        """Say why there is no storage and what to give; None where there is one."""
        if type(self.base_model_storage_uri) is not _Unsaid or self._names_an_endpoint():
            return None
        return (
            f"there is no storage: {str(_DEFAULT_STORAGE)!r} is a bucket of the MinIO in Kaptain's cluster, and "
            "in Amazon's store a stranger's. Give Config(base_model_storage_uri=) a folder or a URL, or name the "
            "endpoint: S3ConfigurationProvider(s3_endpoint=), or S3_ENDPOINT in the environment"
        )

    def folder_at(self, location: str | os.PathLike[str]) -> StorageFolder:
        """Return the folder at a path or URL, reached as the store is; relative paths begin at ``base_dir``."""
        path = os.fspath(location)
        if is_url(path):
            return StorageFolder.of(path, **self.options_for(path))
        folder = StorageFolder.of(location)  # which refuses a pathlib.Path that was a URL
        base = os.fspath(self.base_dir)
        return folder if base == os.curdir else StorageFolder.of(os.path.join(base, path))

    def options_for(self, url: str) -> dict[str, Any]:
        """Return the options of fsspec's file system for a URL: for S3 those that ``variables`` stand for."""
        return s3_options(self.variables()) if scheme_of(url) in _S3 else {}

    def variables(self) -> dict[str, str]:
        """Return how the store is reached, keys included: as the provider has it, or the process's variables."""
        provider = self.storage_config_provider
        return variables(S3_VARIABLES) if provider is None else provider.get_secret_body()

    def _names_an_endpoint(self) -> bool:
        return bool(self.variables().get(_ENDPOINT)) or any(map(variable, BOTO_ENDPOINTS))

    def __setattr__(self, name: str, value: object) -> None:
        if issue := _issue(name, value):
            raise ModelPlanError([issue])
        super().__setattr__(name, value)

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, Config) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of any value that can be changed

    def __repr__(self) -> str:
        shown = (f"{name}={_shown(value)}" for name, value in vars(self).items())
        return f"Config({', '.join(shown)})"


# What each attribute takes.
_PROVIDER = ("a configuration provider", (ConfigurationProvider, type(None)))
_PATH = ("a path", (str, os.PathLike))
_KINDS: dict[str, tuple[str, tuple[type[Any], ...]]] = {
    "docker_config_provider": _PROVIDER,
    "storage_config_provider": _PROVIDER,
    "docker_registry_url": ("text", (str, type(None))),
    "docker_registry_certificate_provider": _PROVIDER,
    "base_dir": _PATH,
    "base_model_storage_uri": ("a path or a URL", (str, os.PathLike)),
}


def _issue(name: str, value: object) -> Issue | None:
    if name not in _KINDS:
        return unknown_name(name, _KINDS, "an attribute of Config")
    what, kinds = _KINDS[name]
    if not isinstance(value, kinds):
        return Issue(code="bad-type", argument=name, message=f"must be {what}, not {type(value).__name__}")
    if isinstance(value, str) and not value.strip():
        return Issue(code="bad-value", argument=name, message="is empty: give it a value, or leave it out")
    return None


def _shown(value: object) -> str:
    return repr(hidden_endpoint(value)) if isinstance(value, str) else brief_repr(value, longest=1000)
