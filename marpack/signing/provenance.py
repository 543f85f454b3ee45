"""What an archive was made of, as an in-toto Statement with the predicate of SLSA's provenance. Pure.

It claims nothing that is not known (G15): no build service, no level of SLSA's, no time. Who signs it says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from marpack import __version__
from marpack.display import hidden_url
from marpack.frozen import frozen
from marpack.signing.statement import STATEMENT_TYPE, Resource, json_text

PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
# docs/signing.md says what they mean: what marpack has packed itself, and what somebody says of an archive that is
# there.
PACKED, TOLD = "urn:marpack:packed:v1", "urn:marpack:told:v1"
# A program that somebody has run, and no build platform: SLSA's levels are of those.
UNAUTHENTICATED = "urn:marpack:run-by-whoever-signs"

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


# RFC 3986: a scheme, and what it names; spaces and control characters are in no URI.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


def builder_problem(builder_id: str) -> str | None:
    """Return why a builder cannot be named so, None where it can."""
    if not _URI.fullmatch(builder_id):
        return f"{hidden_url(builder_id)!r} is no URI: name the builder by one, as https://ci.example/builders/1"
    if hidden_url(builder_id) != builder_id:
        return "a builder is named by a URI without a password, a query or a fragment"
    return None


@frozen
class SourceCommit:
    """Where the sources came from, as the caller says: marpack reads no repository.

    ``uri`` is the repository's, as ``git+https://host/owner/name@refs/heads/main``, ``commit`` the full digest of
    the commit, and ``dirty`` says that the files were not all as they are there.
    """

    uri: str
    commit: str
    dirty: bool = False

    def __post_init__(self) -> None:
        if not _COMMIT.fullmatch(self.commit):
            raise ValueError(f"a commit has 40 or 64 hexadecimal digits in lower case, not {self.commit!r}")
        if "://" not in self.uri:
            raise ValueError(f"a repository is named by a URI, as git+https://host/name, not {self.uri!r}")

    def asdict(self) -> dict[str, Any]:
        """Return the dependency that it is."""
        found: dict[str, Any] = {"uri": hidden_url(self.uri), "digest": {"gitCommit": self.commit}}
        return found | ({"annotations": {"dirty": True}} if self.dirty else {})


def provenance_of(
    name: str,
    sha256: str,
    inputs: Sequence[Resource],
    *,
    parameters: Mapping[str, Any] | None = None,
    source: SourceCommit | None = None,
    packed_by: Mapping[str, str] | None = None,
    builder_id: str | None = None,
) -> str:
    """Return the provenance of an archive as JSON text, the same each time.

    - ``name`` and ``sha256``: the archive's file, and its own SHA-256.
    - ``inputs``: its members, but for the manifest, which is made when it is packed.
    - ``parameters``: JSON values that the caller chose, such as options.
    - ``source``: the commit that the caller says they are from.
    - ``packed_by``: versions of what has packed it, where that is known: ``{"python": ..., "zlib": ...}``. Without
      it the archive is one that was there, of which the caller says all of this.
    - ``builder_id``: the URI of who is trusted for it, by default whoever signs; a build platform has its own.
      ``ValueError`` for what is no URI, and for one with a password, a query or a fragment: it is compared as it
      is, and shown to all.
    """
    if builder_id is not None and (problem := builder_problem(builder_id)):
        raise ValueError(problem)
    build: dict[str, Any] = {
        "buildType": TOLD if packed_by is None else PACKED,
        "externalParameters": dict(parameters or {}),
    }
    if packed_by is not None:
        build["internalParameters"] = dict(packed_by)
    build["resolvedDependencies"] = [
        *([] if source is None else [source.asdict()]),
        *({"name": each.name, "digest": {"sha256": each.sha256}} for each in inputs),
    ]
    return json_text(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": sha256}}],
            "predicateType": PROVENANCE_TYPE,
            "predicate": {
                "buildDefinition": build,
                "runDetails": {
                    "builder": {"id": builder_id or UNAUTHENTICATED, "version": {"marpack": __version__}}
                },
            },
        }
    )
