"""How KServe reaches an S3 store: the Secret with the credentials, and the ServiceAccount that names it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from marpack.display import HIDDEN, brief_repr, hidden_endpoint
from marpack.errors import PlanError
from marpack.findings import Issue
from marpack.serving.kserve.grammar import object_name_issues, text_issues
from marpack.serving.kserve.metadata import metadata, metadata_issues

# What stands in a Secret until somebody puts the keys there.
PLACEHOLDERS = {"AWS_ACCESS_KEY_ID": "<access key id>", "AWS_SECRET_ACCESS_KEY": "<secret access key>"}

_PREFIX = "serving.kserve.io/s3-"
_ROLE = "eks.amazonaws.com/role-arn"
_SECRETS = ("access_key_id", "secret_access_key", "session_token")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9])?)(:[0-9]{1,5})?")
_YES, _NO = {"1", "true", "yes"}, {"0", "false", "no"}


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class S3Access:
    """The place of an S3 store and the credentials for it (K330); ``repr`` and ``str`` show no credentials.

    ``endpoint`` is a host with or without a port, or a URL of one, whose scheme then says ``use_https``. A store
    that asks for none is ``anonymous``; with ``role_arn`` an IAM role stands in the place of keys. ``ca_bundle``
    is a path in the container that downloads. What is None is the cluster's to say.

    Raises ``PlanError`` with everything that is wrong, without showing a credential.
    """

    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    region: str | None = None
    endpoint: str | None = None
    use_https: bool | None = None
    verify_ssl: bool | None = None
    anonymous: bool | None = None
    ca_bundle: str | None = None
    role_arn: str | None = None

    def __post_init__(self) -> None:
        if issues := list(self._issues()):
            raise PlanError(issues)

    @classmethod
    def from_variables(cls, body: Mapping[str, str]) -> S3Access:
        """Take what the variables of S3 clients say (K331); others are ignored, and empty ones are none.

        They are ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``, ``AWS_REGION`` or
        ``AWS_DEFAULT_REGION``, ``S3_ENDPOINT``, ``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL``, ``S3_USE_HTTPS``,
        ``S3_VERIFY_SSL``, ``AWS_CA_BUNDLE``, and without keys ``AWS_ROLE_ARN``. Raises ``PlanError`` as the
        constructor does.
        """
        issues: list[Issue] = []

        def text(*names: str) -> str | None:
            return next((body[name] for name in names if body.get(name)), None)

        def flag(name: str) -> bool | None:
            said: object = body.get(name) or ""
            if isinstance(said, str) and said.lower() in {"", *_YES, *_NO}:
                return said.lower() in _YES if said else None
            message = f"{brief_repr(said)} is neither yes nor no: write true or false"
            issues.append(Issue(code="bad-value", argument=name, message=message))
            return None

        use_https, verify_ssl = flag("S3_USE_HTTPS"), flag("S3_VERIFY_SSL")
        key_id, endpoint = (
            text("AWS_ACCESS_KEY_ID"),
            text("S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        )
        if isinstance(endpoint, str) and "://" in endpoint:
            use_https = None  # what the URL says goes before, as to KServe's storage initializer
        if issues:
            raise PlanError(issues)
        return cls(
            access_key_id=key_id,
            secret_access_key=text("AWS_SECRET_ACCESS_KEY"),
            session_token=text("AWS_SESSION_TOKEN"),
            region=text("AWS_REGION", "AWS_DEFAULT_REGION"),
            endpoint=endpoint,
            use_https=use_https,
            verify_ssl=verify_ssl,
            ca_bundle=text("AWS_CA_BUNDLE"),
            # To the clients of S3, keys go before a role.
            role_arn=None if key_id else text("AWS_ROLE_ARN"),
        )

    def __repr__(self) -> str:
        given = ((each.name, getattr(self, each.name)) for each in fields(self))
        shown = [
            f"{name}={HIDDEN if name in _SECRETS else repr(value)}" for name, value in given if value is not None
        ]
        return f"S3Access({', '.join(shown)})"

    def annotations(self) -> dict[str, str]:
        """Return what KServe reads beside the keys (pkg/credentials/s3/utils.go); none of it is secret."""
        host, is_https = _host(self.endpoint) if self.endpoint is not None else (None, None)
        https = self.use_https if is_https is None else is_https
        values = {
            "endpoint": host,
            "usehttps": None if https is None else "1" if https else "0",
            "region": self.region,
            "verifyssl": None if self.verify_ssl is None else "1" if self.verify_ssl else "0",
            # The storage initializer compares this one with "true".
            "useanoncredential": None if self.anonymous is None else "true" if self.anonymous else "false",
            "cabundle": self.ca_bundle,
        }
        return {f"{_PREFIX}{name}": value for name, value in values.items() if value is not None}

    def _issues(self) -> Iterator[Issue]:
        for name in _SECRETS:
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value)):
                # Not a word of what it is: it may be nearly right.
                message = "must be a text of printable ASCII without spaces or line ends: copy it again"
                yield Issue(code="bad-value", argument=name, message=message)
        for name in ("region", "ca_bundle", "role_arn"):
            if (value := getattr(self, name)) is not None:
                yield from text_issues(name, value, spaces=False)
        for name in ("use_https", "verify_ssl", "anonymous"):
            if (value := getattr(self, name)) is not None and not isinstance(value, bool):
                message = f"must be True or False, not {type(value).__name__}"
                yield Issue(code="bad-type", argument=name, message=message)
        if self.endpoint is not None:
            yield from _endpoint_issues(self.endpoint, self.use_https)
        if (self.access_key_id is None) != (self.secret_access_key is None):
            absent = "access_key_id" if self.access_key_id is None else "secret_access_key"
            yield Issue(code="missing-key", argument=absent, message="is missing: keys are a pair")
        ways = [name for name, on in self._ways().items() if on]
        if len(ways) > 1:
            message = f"is given beside {ways[0]}, and one of them would be ignored: choose one"
            yield Issue(code="bad-value", argument=ways[1], message=message)

    def _ways(self) -> dict[str, bool]:
        """Return by which of its ways the store may be reached."""
        return {
            "access_key_id": self.access_key_id is not None,
            "anonymous": self.anonymous is True,
            "role_arn": self.role_arn is not None,
        }


def _host(endpoint: str) -> tuple[str, bool | None]:
    """Return the host and port of an endpoint, and whether it is https, as far as it says so."""
    scheme, mark, rest = endpoint.rpartition("://")
    return rest.rstrip("/"), scheme.lower() == "https" if mark else None


def _endpoint_issues(endpoint: object, use_https: object) -> Iterator[Issue]:
    if not isinstance(endpoint, str):
        message = f"must be text, not {type(endpoint).__name__}"
        yield Issue(code="bad-type", argument="endpoint", message=message)
        return
    shown = hidden_endpoint(endpoint)
    scheme, mark, _ = endpoint.rpartition("://")
    host, is_https = _host(endpoint)
    if mark and scheme.lower() not in {"http", "https"}:
        message = f"{shown!r} is no address of a store: begin with http:// or https://, or with the host"
        yield Issue(code="bad-value", argument="endpoint", message=message)
    elif not _HOST.fullmatch(host) or not _is_port(host):
        message = f"{shown!r} is no host with a port: write it as 'minio:9000' or 'http://minio:9000', and no more"
        yield Issue(code="bad-value", argument="endpoint", message=message)
    elif is_https is not None and isinstance(use_https, bool) and use_https != is_https:
        message = f"is {use_https}, and {shown!r} says otherwise: leave one of them out"
        yield Issue(code="bad-value", argument="use_https", message=message)


def _is_port(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").port != 0
    except ValueError:
        return False


def secret_document(
    name: str,
    access: S3Access,
    *,
    namespace: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    with_credentials: bool = False,
) -> dict[str, Any]:
    """Return the Secret that KServe takes the keys of a store from (K330).

    Both keys are always there, for KServe knows by them that it is a Secret for S3: placeholders unless
    ``with_credentials``, and empty for a store that asks for none. ``annotations`` are beside those of the access.

    Raises ``PlanError`` for names that Kubernetes refuses. With ``with_credentials`` also for an access without
    keys, and for one with a session token, which KServe does not hand on (pkg/credentials/s3/s3_secret.go).
    """
    issues = [
        *object_name_issues("name", name),
        *metadata_issues(namespace, labels, annotations, own=access.annotations()),
        *(_credentials_issues(access) if with_credentials else ()),
    ]
    if issues:
        raise PlanError(issues)
    keys = {"AWS_ACCESS_KEY_ID": access.access_key_id, "AWS_SECRET_ACCESS_KEY": access.secret_access_key}
    shown = {
        key: "" if access.anonymous else (with_credentials and keys[key]) or PLACEHOLDERS[key] for key in keys
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(name, namespace, labels, {**access.annotations(), **(annotations or {})}),
        "type": "Opaque",
        "stringData": shown,
    }


def service_account_document(
    name: str,
    *,
    secret_name: str | None = None,
    namespace: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    access: S3Access | None = None,
) -> dict[str, Any]:
    """Return the ServiceAccount of a service, which names the Secret with the credentials (K330).

    With an ``access`` by a role, the role and the place of the store stand here, and no Secret is needed.
    Raises ``PlanError`` for names that Kubernetes refuses.
    """
    own = {}
    if access is not None and access.role_arn is not None:
        own = {_ROLE: access.role_arn, **access.annotations()}
    issues = [*object_name_issues("name", name), *metadata_issues(namespace, labels, annotations, own=own)]
    if secret_name is not None:
        issues += object_name_issues("secret_name", secret_name)
    if issues:
        raise PlanError(issues)
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(name, namespace, labels, {**own, **(annotations or {})}),
    }
    return made if secret_name is None else {**made, "secrets": [{"name": secret_name}]}


def access_documents(
    service_name: str,
    access: S3Access,
    *,
    namespace: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    with_credentials: bool = False,
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return ``<service>-service-account``, and ``<service>-secret`` unless a role stands in its place.

    Raises ``PlanError`` as ``secret_document`` does.
    """
    account, secret = f"{service_name}-service-account", f"{service_name}-secret"
    about: dict[str, Any] = {"namespace": namespace, "labels": labels, "annotations": annotations}
    if access.role_arn is not None:
        return service_account_document(account, access=access, **about), None
    return (
        service_account_document(account, secret_name=secret, **about),
        secret_document(secret, access, with_credentials=with_credentials, **about),
    )


def _credentials_issues(access: S3Access) -> Iterator[Issue]:
    if access.session_token is not None:
        message = "is not handed on by KServe, so its keys would be refused: give lasting keys, or role_arn"
        yield Issue(code="bad-value", argument="session_token", message=message)
    if access.access_key_id is None and not access.anonymous:
        message = "is missing, and a Secret with credentials was asked for: give the keys, or leave placeholders"
        yield Issue(code="missing-key", argument="access_key_id", message=message)
