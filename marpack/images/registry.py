"""A registry that takes an image, as OCI specifies it: who is asked what, and told which secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from urllib.parse import quote, urlencode

from marpack.errors import RegistryError
from marpack.images.challenge import challenge_in
from marpack.images.connection import Answer, Body, Connections, NoAnswerError
from marpack.images.docker_credentials import DOCKER_HOSTS, Kept, Login
from marpack.images.origin import NoPlaceError, followed, origin, with_query
from marpack.images.reference import Reference
from marpack.oci import media_types
from marpack.oci.descriptor import Descriptor

_DOCKER_API = "registry-1.docker.io"
_ACCEPT = ", ".join((media_types.MANIFEST, media_types.INDEX))
_BYTES = "application/octet-stream"
_MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
# Of what an answer says, as much as is shown.
_LONGEST_MESSAGE = 300
_HIDDEN = "***"
# What a header can hold: a token is one of fewer characters (RFC 6750, 2.1), but not all services know.
_TOKEN = re.compile(r"[!-~]+")
_LOG_IN = "log in (docker login), or give username and password"


class Registry:
    """One repository of a registry, for as long as an image is sent.

    What it raises is ``RegistryError``, in which no credentials are.
    """

    def __init__(
        self, reference: Reference, find_login: Callable[[], Kept], *, plain_http: bool, tls_verify: bool | str
    ) -> None:
        """Ask nobody yet: ``find_login`` is called where a registry asks for one, once."""
        self._name = str(reference)
        host = _DOCKER_API if reference.host.lower() in DOCKER_HOSTS else reference.host
        self._connections = Connections(tls_verify=tls_verify)
        self._find_login = find_login
        self._kept: Kept | None = None
        self._root = f"{'http' if plain_http else 'https'}://{host}/v2/{reference.repository}"
        self._origin = origin(self._root)
        self._authorization: dict[str, str] = {}
        self._secrets: list[str] = []

    def close(self) -> None:
        """End all connections."""
        self._connections.close()

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
        if answer.status != 404 and origin(answer.url) == self._origin:
            self._require(answer, {200}, "does not tell which layers it has")
        return answer.status == 200

    def put_blob(self, descriptor: Descriptor, body: Body) -> None:
        """Send a blob; ``body`` gives its bytes, each time anew, with their number as its length (I28)."""
        begun = self._ask("POST", f"{self._root}/blobs/uploads/", headers={"Content-Length": "0"})
        self._require(begun, {202}, "takes no upload")
        place = begun.headers.get("Location")
        if not place:
            raise RegistryError(self._name, "does not say where an upload goes", status=begun.status)
        digest = quote(descriptor.digest, safe="")
        place = with_query(self._followed(begun.url, place), f"digest={digest}")
        headers = {"Content-Type": _BYTES, "Content-Length": str(descriptor.size)}
        answer = self._ask("PUT", place, headers=headers, body=body)
        self._require(answer, {201}, f"does not take the blob {descriptor.digest}")
        self._require_digest(answer, descriptor.digest)

    def put_manifest(self, name: str, descriptor: Descriptor, data: bytes) -> None:
        """Send a manifest or an index by its digest or its tag; what it refers to is there (I28)."""
        headers = {"Content-Type": descriptor.media_type, "Content-Length": str(len(data))}
        answer = self._ask(
            "PUT", f"{self._root}/manifests/{name}", headers=headers, body=lambda: nullcontext(data)
        )
        self._require(answer, {201}, f"does not take the manifest {descriptor.digest}")
        self._require_digest(answer, descriptor.digest)

    def _ask(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: Body | None = None
    ) -> Answer:
        """Ask, once more where credentials are asked for, and elsewhere where the answer says so (I30, I31)."""
        asked_for = False
        redirects = 0
        while True:
            is_own = origin(url) == self._origin
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

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: Body | None) -> Answer:
        try:
            return self._connections.ask(method, url, headers, body)
        except NoAnswerError as error:
            _, host, port = origin(url)
            elsewhere = "" if origin(url) == self._origin else f"leads to {self._shown(host)}:{port}, which "
            raise RegistryError(self._name, f"{elsewhere}{error}") from None

    def _authorize(self, answer: Answer) -> None:
        """Find what a registry asks for: a password, or a token from where it says (I30)."""
        scheme, told = challenge_in(answer.headers.get("WWW-Authenticate", ""))
        login = self._login()
        if scheme == "basic":
            if login is None:
                raise RegistryError(self._name, f"asks for a password: {self._how_to_log_in()}", status=401)
            self._authorization = {"Authorization": f"Basic {login.basic}"}
            return
        if scheme != "bearer" or "://" not in told.get("realm", ""):
            raise RegistryError(self._name, "asks for credentials in a way that is not known", status=401)
        token = self._token(told, login)
        if not token:
            raise RegistryError(self._name, f"gives no token: {self._how_to_log_in()}", status=401)
        self._secrets.append(token)
        self._authorization = {"Authorization": f"Bearer {token}"}

    def _login(self) -> Login | None:
        if self._kept is None:
            self._kept = self._find_login()
            if self._kept.login:
                self._secrets += self._kept.login.secrets
        return self._kept.login

    def _how_to_log_in(self) -> str:
        problem = self._kept.problem if self._kept else ""
        return f"{_LOG_IN}; {problem}" if problem else _LOG_IN

    def _token(self, told: Mapping[str, str], login: Login | None) -> str | None:
        """Return what the service that a registry names gives for a password, or without one (I30, I31)."""
        asked = urlencode({name: told[name] for name in ("service", "scope") if name in told})
        url = with_query(self._followed(self._root, told["realm"]), asked)
        service = origin(url)
        for _ in range(_MOST_REDIRECTS + 1):
            headers = {"Accept": "application/json"}
            if login and origin(url) == service:
                headers["Authorization"] = f"Basic {login.basic}"
            answer = self._send("GET", url, headers, None)
            if answer.status not in _REDIRECTS or not answer.headers.get("Location"):
                break
            url = self._followed(url, answer.headers["Location"])
        try:
            said = json.loads(answer.body) if answer.status == 200 else None
        except (ValueError, RecursionError):
            said = None
        found = [said.get(name) for name in ("token", "access_token")] if isinstance(said, dict) else []
        return next((each for each in found if isinstance(each, str) and _TOKEN.fullmatch(each)), None)

    def _require(self, answer: Answer, statuses: set[int], what: str) -> None:
        if answer.status in statuses:
            return
        if answer.status == 401 and self._authorization:
            raise RegistryError(
                self._name, f"does not accept the credentials: {self._how_to_log_in()}", status=401
            )
        said = self._shown(_errors_in(answer))
        reason = f"{what}: {answer.status}{f' {said}' if said else ''}"
        if answer.status in (401, 403):
            reason += f": {self._how_to_log_in()}"
        # What servers of TLS alone say to whoever speaks none, without anything of a registry's.
        if answer.status == 400 and not said and self._origin[0] == "http":
            reason += ": where it speaks TLS, leave plain HTTP out (--plain-http, plain_http)"
        raise RegistryError(self._name, reason, status=answer.status)

    def _require_digest(self, answer: Answer, digest: str) -> None:
        told = answer.headers.get("Docker-Content-Digest")
        if told is not None and told != digest:
            reason = f"has stored {self._shown(told)} where {digest} was sent"
            raise RegistryError(self._name, reason, status=answer.status)

    def _followed(self, url: str, place: str) -> str:
        """Return where an answer leads; refuse what is no server, and no encryption where there was some (I31)."""
        try:
            whole = followed(url, place)
        except NoPlaceError:
            raise RegistryError(self._name, "leads to what is no server, which is not followed") from None
        if origin(whole)[0] == "http" and self._origin[0] == "https":
            raise RegistryError(self._name, "leads from https to http, which is not followed")
        return whole

    def _shown(self, text: str) -> str:
        """Return what somebody else says as it may be shown: without secrets, in whichever case, and no longer."""
        for secret in self._secrets:
            text = re.sub(re.escape(secret), _HIDDEN, text, flags=re.IGNORECASE)
        return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}..."


def _errors_in(answer: Answer) -> str:
    """Return what a registry says is wrong, as the specification has it."""
    try:
        listed = json.loads(answer.body)["errors"]
        return "; ".join(f"{each.get('code', '')} {each.get('message', '')}".strip() for each in listed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
