"""A saved model that has to be signed: what is packed of it is what was signed, or nothing is deployed."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from marpack.archive.plan.plan import ArchivePlan
from marpack.errors import SignatureError
from marpack.serving.deploy.planned import PlannedDeployment
from marpack.signing.signed_source import SignedSource

if TYPE_CHECKING:
    from marpack.signing import RequiredSignature, Statement


def with_signed_weights(planned: PlannedDeployment, signature: RequiredSignature) -> PlannedDeployment:
    """Return a deployment whose weights are held against a signature while they are packed.

    It is of the file of weights, or of the folder that they lie in. Raises what ``RequiredSignature.stated``
    raises, and ``SignatureError`` where it says nothing of the weights.
    """
    statement = signature.stated()
    plans = {name: _with_signed(plan, statement, signature) for name, plan in planned.plans.items()}
    return replace(planned, plans=plans)


def _with_signed(plan: ArchivePlan, statement: Statement, signature: RequiredSignature) -> ArchivePlan:
    weights = plan.manifest.model.serialized_file
    path = os.fspath(signature.signature)
    if statement.is_of_one_file:
        stated = statement.resources[0].sha256
    else:
        found = [each.sha256 for each in statement.resources if each.name == weights]
        if not found:
            raise SignatureError(path, f"says nothing of the saved model, {weights!r}", code="signature-mismatch")
        [stated] = found
    files = [
        replace(
            member,
            source=SignedSource(
                source=member.source, size=member.size, sha256=stated, signature=path, name=member.name
            ),
        )
        if member.name == weights
        else member
        for member in plan.files
    ]
    return replace(plan, files=tuple(files))
