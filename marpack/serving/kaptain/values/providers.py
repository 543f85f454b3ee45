"""Where the access to a registry and to a store comes from: the configuration providers of the Kaptain SDK (K197).

A provider holds what it was given, secrets included, and so does what is pickled of it; ``repr`` and errors show
none. marpack asks the one for the store alone: it builds and pulls no image.
"""

from __future__ import annotations

import configparser
import os
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from marpack import strict_json
from marpack.display import HIDDEN, hidden_endpoint
from marpack.findings import Issue
from marpack.serving.kaptain.values.environment import in_home, is_true, variables
from marpack.serving.kaptain.values.exceptions import ModelPlanError, ModelValidationException

if TYPE_CHECKING:
    from typing import Self

# What Kubernetes takes in one Secret; no file of credentials comes near it.
_LARGEST = 1 << 20

_DEFAULT_REGION = "us-east-1"
# Where Kaptain's tutorials find the MinIO that it brings along.
_MINIO = "http://kaptain-minio.kubeflow"

_KEY_ID, _KEY, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
_REGION, _ENDPOINT = "AWS_REGION", "S3_ENDPOINT"
_SIGNATURE, _PATH_STYLE = "S3_SIGNATURE_VERSION", "S3_FORCE_PATH_STYLE"
# What shows no secret of them.
PUBLIC_VARIABLES = frozenset({_REGION, _ENDPOINT, _SIGNATURE, _PATH_STYLE})
S3_VARIABLES = (_KEY_ID, _KEY, _TOKEN, _REGION, _ENDPOINT, _SIGNATURE, _PATH_STYLE)


class ConfigurationProvider(ABC):
    """Says how something is reached, as the body of a Secret."""

    @abstractmethod
    def get_secret_body(self) -> dict[str, str]:
        """Return the names and values that the SDK puts into a Secret."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # as of any value that can be changed

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class FileBasedConfigurationProvider(ConfigurationProvider):
    """A provider that can be read from a file."""

    @classmethod
    @abstractmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file."""


class EnvironmentVariableConfigurationProvider(ConfigurationProvider):
    """A provider that can be read from variables of the environment."""

    @classmethod
    @abstractmethod
    def from_env(cls) -> Self:
        """Read the variables."""


class DockerConfigurationProvider(FileBasedConfigurationProvider):
    """Access to registries, as Docker's ``config.json`` has it. Nothing of marpack needs it."""

    def __init__(self, config_json: str) -> None:
        _require_texts(config_json=config_json)
        self.config_json = _docker_config(config_json, "config_json")

    @classmethod
    def default(cls) -> Self:
        """Read ``~/.docker/config.json``."""
        return cls.from_file(in_home(".docker", "config.json"))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read a ``config.json``; ``ModelValidationException`` for what is none."""
        return cls(_docker_config(_text_of(path, "a Docker config.json"), repr(os.fspath(path))))

    def get_secret_body(self) -> dict[str, str]:
        """Return the file's text under its name."""
        return {"config.json": self.config_json}


class DockerRegistryCertificateProvider(FileBasedConfigurationProvider):
    """The certificate of a private registry. Nothing of marpack needs it."""

    def __init__(self, certificate_body: str, certificate_path: str | os.PathLike[str] | None = None) -> None:
        _require_texts(certificate_body=certificate_body)
        if "-----BEGIN CERTIFICATE-----" not in certificate_body:
            where = "certificate_body" if certificate_path is None else repr(os.fspath(certificate_path))
            raise ModelValidationException(f"{where} is no certificate: give the text of a PEM file")
        self.certificate_body = certificate_body
        self.certificate_path = None if certificate_path is None else os.fspath(certificate_path)

    @classmethod
    def default(cls) -> Self:
        """Read ``~/.tls/certificate.crt``."""
        return cls.from_file(in_home(".tls", "certificate.crt"))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read a PEM file; ``ModelValidationException`` for what is none."""
        return cls(_text_of(path, "a certificate"), path)

    def get_secret_body(self) -> dict[str, str]:
        """Return the certificate under the name that the SDK mounts it by."""
        return {"certificate.crt": self.certificate_body}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(certificate_path={self.certificate_path!r})"


class S3ConfigurationProvider(FileBasedConfigurationProvider, EnvironmentVariableConfigurationProvider):
    """Access to a store that speaks S3; keys that are None are looked for where the store's library does.

    ``s3_endpoint`` is a URL. Raises ``ModelPlanError`` for what is no text, without showing it, and for keys
    that are blank, as of a variable that is not set: they would be those of whoever runs it.
    """

    def __init__(
        self,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = _DEFAULT_REGION,
        s3_endpoint: str | None = None,
        s3_signature_version: str | None = None,
        s3_force_path_style: bool = False,
    ) -> None:
        _require_texts(
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            aws_session_token=aws_session_token,
            region_name=region_name,
            s3_endpoint=s3_endpoint,
            s3_signature_version=s3_signature_version,
        )
        _require_no_blanks(aws_access_key_id=aws_access_key_id, aws_secret_access_key=aws_secret_access_key)
        self.aws_access_key_id = aws_access_key_id
        self.aws_secret_access_key = aws_secret_access_key
        self.aws_session_token = aws_session_token
        self.region_name = region_name
        self.s3_endpoint = s3_endpoint
        self.s3_signature_version = s3_signature_version
        self.s3_force_path_style = s3_force_path_style

    @classmethod
    def default(cls) -> Self:
        """Read ``~/.aws/credentials``."""
        return cls.from_file(in_home(".aws", "credentials"))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, profile: str = "default") -> Self:
        """Read a profile of a file of AWS credentials; ``ModelValidationException`` for what is none."""
        return cls(**_profile(_text_of(path, "a file of AWS credentials"), profile, repr(os.fspath(path))))

    @classmethod
    def from_env(cls) -> Self:
        """Read the variables that the SDK knows (K197); without a key, ``ModelValidationException``."""
        found = variables(S3_VARIABLES)
        missing = [name for name in (_KEY_ID, _KEY) if name not in found]
        if missing:
            names = " and ".join(missing)
            raise ModelValidationException(
                f"{names} of the environment must be set: export them, or use from_file"
            )
        return cls.from_body(found)

    @classmethod
    def from_body(cls, body: dict[str, str]) -> Self:
        """Take what ``get_secret_body`` returns."""
        return cls(
            aws_access_key_id=body.get(_KEY_ID),
            aws_secret_access_key=body.get(_KEY),
            aws_session_token=body.get(_TOKEN),
            region_name=body.get(_REGION, _DEFAULT_REGION),
            s3_endpoint=body.get(_ENDPOINT),
            s3_signature_version=body.get(_SIGNATURE),
            s3_force_path_style=is_true(body.get(_PATH_STYLE)),
        )

    def get_secret_body(self) -> dict[str, str]:
        """Return the variables that a container finds the store by; those that are None are left out."""
        values = {
            _KEY_ID: self.aws_access_key_id,
            _KEY: self.aws_secret_access_key,
            _TOKEN: self.aws_session_token,
            _REGION: self.region_name,
            _ENDPOINT: self.s3_endpoint,
            _SIGNATURE: self.s3_signature_version,
            _PATH_STYLE: str(self.s3_force_path_style).lower(),
        }
        return {name: value for name, value in values.items() if value}

    def __repr__(self) -> str:
        endpoint = None if self.s3_endpoint is None else hidden_endpoint(self.s3_endpoint)
        key_id, key, token = (
            None if value is None else HIDDEN
            for value in (self.aws_access_key_id, self.aws_secret_access_key, self.aws_session_token)
        )
        return (
            f"{type(self).__name__}(aws_access_key_id={key_id}, aws_secret_access_key={key}, "
            f"aws_session_token={token}, region_name={self.region_name!r}, s3_endpoint={endpoint!r}, "
            f"s3_signature_version={self.s3_signature_version!r}, "
            f"s3_force_path_style={self.s3_force_path_style!r})"
        )


class DefaultMinioConfigurationProvider(S3ConfigurationProvider):
    """The MinIO that Kaptain brings along in its cluster."""

    @classmethod
    def default(cls) -> Self:
        """Take its address in the cluster, and keys from the environment where they are set."""
        return cls.from_body({_ENDPOINT: _MINIO, _PATH_STYLE: "true", **variables(S3_VARIABLES)})


def s3_options(body: dict[str, str]) -> dict[str, Any]:
    """Return the options of fsspec's file system for S3 that variables stand for (K197).

    Raises ``ModelValidationException`` for an endpoint that is no URL, which the library would not name.
    """
    endpoint = body.get(_ENDPOINT)
    if endpoint is not None and not endpoint.lower().startswith(("http://", "https://")):
        shown = hidden_endpoint(endpoint)
        raise ModelValidationException(f"the endpoint {shown!r} is no URL: write http://{shown}, or https://")
    config: dict[str, Any] = {}
    if _SIGNATURE in body:
        config["signature_version"] = body[_SIGNATURE]
    if is_true(body.get(_PATH_STYLE)):
        config["s3"] = {"addressing_style": "path"}
    options = {
        "key": body.get(_KEY_ID),
        "secret": body.get(_KEY),
        "token": body.get(_TOKEN),
        "endpoint_url": endpoint,
        "client_kwargs": {"region_name": body[_REGION]} if _REGION in body else None,
        "config_kwargs": config or None,
    }
    return {name: value for name, value in options.items() if value is not None}


def _require_texts(**values: object) -> None:
    issues = [
        Issue(code="bad-type", argument=name, message=f"must be text, not {type(value).__name__}")
        for name, value in values.items()
        if not isinstance(value, (str, type(None)))
    ]
    if issues:
        raise ModelPlanError(issues)


def _require_no_blanks(**values: str | None) -> None:
    issues = [
        Issue(code="bad-value", argument=name, message="is blank: give the key, or None to use the machine's own")
        for name, value in values.items()
        if value is not None and not value.strip()
    ]
    if issues:
        raise ModelPlanError(issues)


def _text_of(path: str | os.PathLike[str], what: str) -> str:
    """Read a small file; the disk's own errors pass through, with the path."""
    with open(path, "rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ModelValidationException(f"{os.fspath(path)!r} is too large for {what}: correct the path")
    with suppress(UnicodeDecodeError):
        return data.decode()
    # Not inside of an except: what failed holds the file, and would be this error's context.
    raise ModelValidationException(f"{os.fspath(path)!r} is no text, and so not {what}")


def _docker_config(text: str, where: str) -> str:
    problem = None
    try:
        value = strict_json.loads(text)
        if not isinstance(value, dict) or not isinstance(value.get("auths", {}), dict):
            problem = "has no table 'auths'"
    except strict_json.StrictJSONError:
        problem = "is not JSON"  # what it is instead may be a secret
    if problem:
        raise ModelValidationException(f"{where} {problem}: give what docker login writes, a config.json")
    return text


def _profile(text: str, profile: str, where: str) -> dict[str, Any]:
    parser = configparser.RawConfigParser()
    problem = None
    try:
        parser.read_string(text)
    except configparser.Error as error:
        # Its text quotes lines, which may be keys.
        problem = f"is not a file of AWS credentials ({type(error).__name__})"
    if problem is None and not parser.has_section(profile):
        problem = f"has no profile {profile!r}"
    found = {} if problem else dict(parser.items(profile))
    missing = [name for name in ("aws_access_key_id", "aws_secret_access_key") if not found.get(name)]
    if problem is None and missing:
        problem = f"has no {' and no '.join(missing)} in its profile {profile!r}"
    if problem:
        raise ModelValidationException(f"{where} {problem}: correct it, or give another path")
    values: dict[str, Any] = {name: found[name] for name in ("aws_access_key_id", "aws_secret_access_key")}
    values["aws_session_token"] = found.get("aws_session_token") or None
    if found.get("region"):
        values["region_name"] = found["region"]
    if found.get("endpoint_url"):
        values["s3_endpoint"] = found["endpoint_url"]
    return values
