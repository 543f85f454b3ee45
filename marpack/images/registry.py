"""A registry that takes an image (OCI's distribution specification), through oras' session and credentials.

Requests are marpack's own. oras reads a blob into memory to send it, takes the realm of a Basic challenge for a
URL, and sends what it knows of one host to any other that a ``Location`` names.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from marpack.errors import MissingExtraError, RegistryError
from marpack.frozen import frozen
from marpack.images.reference import Reference
from marpack.oci import media_types
from marpack.oci.descriptor import Descriptor

# Docker's registry is reached, and its credentials are kept, under other names.
_DOCKER_HOSTS = {"docker.io", "index.docker.io", "registry-1.docker.io"}
_DOCKER_API, _DOCKER_KEY = "registry-1.docker.io", "https://index.docker.io/v1/"
_ACCEPT = ", ".join((media_types.MANIFEST, media_types.INDEX))
_BYTES = "application/octet-stream"
# To connect, and between two signs of life: a registry answers to a blob when it has stored it.
_SECONDS = (30, 900)
_MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
# What a registry asks for, in one header: schemes, each with what it is told.
_LONGEST_CHALLENGE = 4096
_TOLD = re.compile(r'(?:([A-Za-z][A-Za-z0-9-]*) +)?([A-Za-z][A-Za-z0-9_-]*)=(?:"([^"]*)"|([^\s",]*))')
# Of an answer, and of what is shown of it.
_LONGEST_ANSWER = 1 << 16
_LONGEST_MESSAGE = 300
_HIDDEN = "***"


def require_oras() -> None:
    """Raise ``MissingExtraError`` where there is no oras."""
    try:
        import oras.provider  # type: ignore[import-untyped]  # noqa: F401
    except ImportError:
        what_to_do = "write a layout, which skopeo copy --preserve-digests pushes"
        raise MissingExtraError("pushing an image", "oci", what_to_do) from None


@frozen
class _Answer:
    """What a registry answers, the beginning of its body with it."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


class Registry:
    """One repository of a registry, for as long as an image is sent.

    What it raises is ``RegistryError``, in which no credentials are.
    """

    def __init__(
        self,
        reference: Reference,
        *,
        plain_http: bool,
        tls_verify: bool | str,
        username: str | None,
        password: str | None,
        docker_config: str | None,
    ) -> None:
        require_oras()
        from oras.auth.utils import get_basic_auth  # type: ignore[import-untyped]
        from oras.provider import Registry as Oras

        self._name = str(reference)
        host = _DOCKER_API if reference.host in _DOCKER_HOSTS else reference.host
        oras = Oras(hostname=host, insecure=plain_http, tls_verify=tls_verify)
        self._session: Any = oras.session
        # Nor has it credentials of ~/.netrc, which requests would send.
        self._session.auth = _unchanged
        self._tls_verify = tls_verify
        self._auth: Any = oras.auth
        self._root = f"{oras.prefix}://{host}/v2/{reference.repository}"
        self._origin = _origin(self._root)
        self._authorization: dict[str, str] = {}
        self._secrets: list[str] = []
        if username is not None:
            self._auth._basic_auth = get_basic_auth(username, password or "")
        else:
            self._find_credentials(reference, docker_config)
        self._keep_secret(getattr(self._auth, "_basic_auth", None))

    def close(self) -> None:
        """End all connections."""
        self._session.close()

    def manifest_digest(self, tag: str) -> str | None:
        """Return what a tag means there; None where nothing has it."""
        answer = self._ask("HEAD", f"{self._root}/manifests/{tag}", headers={"Accept": _ACCEPT})
        if answer.status == 404:
            return None
        self._require(answer, {200}, "does not tell what the tag means")
        return answer.headers.get("Docker-Content-Digest")

    def has_blob(self, digest: str) -> bool:
        """Tell whether a blob is there."""
        answer = self._ask("HEAD", f"{self._root}/blobs/{digest}")
        # Where blobs lie elsewhere, that place may not let anybody ask for them so.
        if answer.status != 404 and _origin(answer.url) == self._origin:
            self._require(answer, {200}, "does not tell which layers it has")
        return answer.status == 200

    def put_blob(self, descriptor: Descriptor, body: Callable[[], Any]) -> None:
        """Send a blob; ``body`` gives its bytes, each time anew, with their number as its length (I28)."""
        begun = self._ask("POST", f"{self._root}/blobs/uploads/", headers={"Content-Length": "0"})
        self._require(begun, {202}, "takes no upload")
        place = begun.headers.get("Location")
        if not place:
            raise RegistryError(self._name, "does not say where an upload goes", status=begun.status)
        place = self._followed(begun.url, place)
        # The place has a query of its own.
        place += f"{'&' if urlsplit(place).query else '?'}digest={quote(descriptor.digest, safe='')}"
        headers = {"Content-Type": _BYTES, "Content-Length": str(descriptor.size)}
        answer = self._ask("PUT", place, headers=headers, body=body)
        self._require(answer, {201}, f"does not take the blob {descriptor.digest}")
        self._require_digest(answer, descriptor.digest)

    def put_manifest(self, name: str, descriptor: Descriptor, data: bytes) -> None:
        """Send a manifest or an index by its digest or its tag; what it refers to is there (I28)."""
        headers = {"Content-Type": descriptor.media_type, "Content-Length": str(len(data))}
        answer = self._ask("PUT", f"{self._root}/manifests/{name}", headers=headers, body=lambda: data)
        self._require(answer, {201}, f"does not take the manifest {descriptor.digest}")
        self._require_digest(answer, descriptor.digest)

    def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Any] | None = None,
    ) -> _Answer:
        """Ask, once more where credentials are asked for, and elsewhere where the answer says so (I30, I31)."""
        asked_for = False
        redirects = 0
        while True:
            is_own = _origin(url) == self._origin
            sent = {**(headers or {}), **(self._authorization if is_own else {})}
            answer = self._send(method, url, sent, body)
            if answer.status == 401 and is_own and not asked_for:
                asked_for = True
                self._authorize(answer)
            elif answer.status in _REDIRECTS and answer.headers.get("Location"):
                redirects += 1
                if redirects > _MOST_REDIRECTS:
                    raise RegistryError(self._name, "redirects without end", status=answer.status)
                url = self._followed(url, answer.headers["Location"])
            else:
                return answer

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: Callable[[], Any] | None) -> _Answer:
        import requests
        import urllib3

        try:
            answer = self._session.request(
                method,
                url,
                headers=headers,
                data=None if body is None else body(),
                verify=self._tls_verify,
                timeout=_SECONDS,
                allow_redirects=False,
                stream=True,
            )
            # Of a body that is longer no more is taken, and the connection ends with it.
            with answer:
                said = answer.raw.read(_LONGEST_ANSWER, decode_content=True)
            return _Answer(status=answer.status_code, url=url, headers=answer.headers, body=said)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise RegistryError(self._name, self._why(error)) from None

    def _authorize(self, answer: _Answer) -> None:
        """Find what a registry asks for: a password, or a token from where it says (I30)."""
        scheme, told = _challenge(answer.headers.get("WWW-Authenticate", ""))
        basic = getattr(self._auth, "_basic_auth", None)
        if scheme == "basic":
            if not basic:
                raise RegistryError(self._name, f"asks for a password: {_LOG_IN}", status=401)
            self._authorization = {"Authorization": f"Basic {basic}"}
            return
        if scheme != "bearer" or "://" not in told.get("realm", ""):
            raise RegistryError(self._name, "asks for credentials in a way that is not known", status=401)
        token = self._token(told, basic)
        if not token:
            raise RegistryError(self._name, f"gives no token: {_LOG_IN}", status=401)
        self._keep_secret(token)
        self._authorization = {"Authorization": f"Bearer {token}"}

    def _token(self, told: Mapping[str, str], basic: str | None) -> str | None:
        """Return what the service that a registry names gives for a password, or without one (I30, I31)."""
        realm = self._followed(self._root, told["realm"])
        asked = urlencode({name: told[name] for name in ("service", "scope") if name in told})
        url = f"{realm}{'&' if urlsplit(realm).query else '?'}{asked}" if asked else realm
        origin = _origin(url)
        for _ in range(_MOST_REDIRECTS + 1):
            headers = {"Accept": "application/json"}
            if basic and _origin(url) == origin:
                headers["Authorization"] = f"Basic {basic}"
            answer = self._send("GET", url, headers, None)
            if answer.status not in _REDIRECTS or not answer.headers.get("Location"):
                break
            url = self._followed(url, answer.headers["Location"])
        try:
            said = json.loads(answer.body) if answer.status == 200 else None
        except (ValueError, RecursionError):
            said = None
        found = [said.get(name) for name in ("token", "access_token")] if isinstance(said, dict) else []
        return next((each for each in found if each and isinstance(each, str)), None)

    def _find_credentials(self, reference: Reference, docker_config: str | None) -> None:
        """Have oras look into docker's configuration, and ask the programs that it names."""
        from oras.container import Container  # type: ignore[import-untyped]

        if docker_config is not None:
            with open(docker_config, "rb") as file:
                try:
                    said = json.load(file)
                except ValueError:
                    said = None
            if not isinstance(said, dict):
                raise RegistryError(self._name, f"is not asked: {docker_config!r} is no configuration of docker's")
            self._auth._auth_config = {"auths": {}, "credsStore": None, "credHelpers": {}} | said
        container = Container(f"{reference.host}/{reference.repository}")
        for key in (_DOCKER_KEY, reference.host) if reference.host in _DOCKER_HOSTS else (reference.host,):
            for host in (key, f"https://{key}"):
                if not hasattr(self._auth, "_basic_auth"):
                    container.registry = host
                    try:
                        self._auth.load_configs(container)
                    except Exception as error:  # whatever oras makes of a file, or a program, that is otherwise
                        reason = f"is not asked: docker's configuration cannot be used ({type(error).__name__})"
                        raise RegistryError(self._name, reason) from None

    def _keep_secret(self, secret: str | None) -> None:
        if not secret:
            return
        self._secrets.append(secret)
        try:
            password = base64.b64decode(secret, validate=True).decode().partition(":")[2]
        except ValueError:
            return
        if password:
            self._secrets.append(password)

    def _require(self, answer: _Answer, statuses: set[int], what: str) -> None:
        if answer.status in statuses:
            return
        if answer.status == 401 and self._authorization:
            raise RegistryError(self._name, f"does not accept the credentials: {_LOG_IN}", status=401)
        said = self._shown(_errors_in(answer))
        reason = f"{what}: {answer.status}{f' {said}' if said else ''}"
        if answer.status in (401, 403):
            reason += f": {_LOG_IN}"
        raise RegistryError(self._name, reason, status=answer.status)

    def _require_digest(self, answer: _Answer, digest: str) -> None:
        told = answer.headers.get("Docker-Content-Digest")
        if told is not None and told != digest:
            reason = f"has stored {self._shown(told)} where {digest} was sent"
            raise RegistryError(self._name, reason, status=answer.status)

    def _followed(self, url: str, place: str) -> str:
        """Return where an answer leads; refuse what is no server, and no encryption where there was some (I31)."""
        try:
            whole = urljoin(url, place)
            scheme, host, _ = _origin(whole)
        except ValueError:
            scheme = host = ""
        if scheme not in ("http", "https") or not host:
            raise RegistryError(self._name, "leads to what is no server, which is not followed")
        if scheme == "http" and self._origin[0] == "https":
            raise RegistryError(self._name, "leads from https to http, which is not followed")
        return whole

    def _why(self, error: BaseException) -> str:
        """Say what went wrong on the way, without the URL, which may have a secret in it."""
        seen: BaseException | None = error
        while seen is not None:
            if isinstance(seen, OSError) and seen.strerror and type(seen).__module__ == "builtins":
                return f"cannot be reached: {seen.strerror}"
            seen = seen.__cause__ or seen.__context__
        return f"cannot be reached: {type(error).__name__}"

    def _shown(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}..."


_LOG_IN = "log in (docker login), or give username and password"


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _challenge(header: str) -> tuple[str, dict[str, str]]:
    """Return the first scheme that is known here, in lower case, and what is told of it."""
    found: list[tuple[str, dict[str, str]]] = []
    for scheme, name, quoted, plain in _TOLD.findall(header) if len(header) <= _LONGEST_CHALLENGE else ():
        if scheme or not found:
            found.append((scheme.lower(), {}))
        found[-1][1].setdefault(name.lower(), quoted or plain)
    if header.strip().lower() == "basic":
        found.append(("basic", {}))
    return next((each for each in found if each[0] in ("basic", "bearer")), ("", {}))


def _unchanged(request: Any) -> Any:
    return request


def _errors_in(answer: _Answer) -> str:
    """Return what a registry says is wrong, as the specification has it."""
    try:
        listed = json.loads(answer.body)["errors"]
        return "; ".join(f"{each.get('code', '')} {each.get('message', '')}".strip() for each in listed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
