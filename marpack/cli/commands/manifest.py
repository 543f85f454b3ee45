"""``marpack manifest``: the documents by which a cluster serves a model."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from marpack.cli.findings import findings_json
from marpack.cli.manifest_options import add_service_options, described_by
from marpack.cli.packing_options import CHECK_VARIABLE, check_mode, check_mode_problem, misused, shown_findings
from marpack.cli.terminal import complain, making, naming, show, to_json, warn
from marpack.cli.words import add_verb
from marpack.config.settings.redaction import redacted
from marpack.disk.atomic import require_replaceable_file
from marpack.display import HIDDEN, is_secret_name, printable
from marpack.errors import MarpackError
from marpack.findings import Finding
from marpack.packing import CHECK_MODES, CheckMode, refuse
from marpack.serving.kserve.manifest import ServingManifest
from marpack.serving.kserve.secret_file import difference

_STDOUT = "-"
# The version of what --json prints (spec/manifest-kserve.schema.json).
_SCHEMA = 1


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "manifest",
        help="write the documents by which a cluster serves a model",
        description="Write the documents by which a cluster serves a model.",
    )
    verbs = parser.add_subparsers(title="commands", dest="verb", required=True, metavar="COMMAND")
    what = "write an InferenceService of KServe, and what it reads its store by"
    kserve = add_verb(verbs, "kserve", what, "when KServe would refuse it")
    kserve.set_defaults(run=_kserve, parser=kserve)
    # All of them would be a screen before the first word of help.
    kserve.usage = "%(prog)s [OPTION ...] --storage-uri URI [SOURCE]"
    kserve.epilog = (
        "SOURCE is read, not sent: what lies at the storage URI must be the folder that marpack serve-build makes "
        "(config/config.properties and model-store). Of such a folder the settings are looked at too: whether "
        "they agree with the protocol and the release. A value that begins with - needs a '=', as in "
        "--arg=--disable-token-auth."
    )
    add = kserve.add_argument
    add("source", nargs="?", metavar="SOURCE", help="an archive, a model store, or a folder to deploy")
    add("--storage-uri", required=True, metavar="URI", help="where KServe fetches the folder from: s3://, pvc://")
    add("--name", metavar="NAME", help="of the service; default: that of the only model, made fit for KServe")
    add("--namespace", metavar="NAME", help="default: what kubectl is set to")
    add("--torchserve-version", metavar="VERSION", help="the release that is meant to serve, as 0.12.0")
    add("-o", "--output", metavar="FILE", help="default: <name>.yaml; - prints the documents")
    add("-f", "--force", action="store_true", help="replace existing files")
    add("--dry-run", action="store_true", help="print the documents, write nothing")
    add("--json", action="store_true", help="print the result as JSON")
    add(
        "--check",
        choices=CHECK_MODES,
        help="what to do about what would not serve: warn, error (write nothing), or off (do not look); default: "
        f"what the environment variable {CHECK_VARIABLE} says, or else warn",
    )
    add_service_options(kserve)


def _kserve(options: argparse.Namespace) -> int | None:
    mode = check_mode(options.check)
    if problem := check_mode_problem(mode):
        return misused(options, problem)
    if options.dry_run and options.output == _STDOUT:
        return misused(options, "--dry-run and --output - both print the documents: give one of them")
    with naming(options.source or ""):
        manifest = described_by(options)
    is_printed = options.output == _STDOUT
    if is_printed and manifest.secret is not None:
        return misused(options, "--output - takes no Secret, which is a file of its own: name a file")

    def look(how: CheckMode) -> tuple[Finding, ...]:
        refuse(manifest.findings, how)
        return manifest.findings

    findings = shown_findings(mode, look)
    target = None if is_printed else options.output or f"{manifest.inference_service.name}.yaml"
    # As they are applied.
    files = () if target is None else tuple(reversed(manifest.files(target)))
    keeps = target is not None and options.force and manifest.keeps_secret(target)
    obstacle = None
    if options.dry_run:
        obstacle = _in_the_way(files, force=options.force)
        stays = f", and leave {printable(files[0])} as it is, for the keys in it" if keeps else ""
        what = " and ".join(map(printable, files[-1:] if keeps else files))
        complain(f"marpack: would {'not ' if obstacle else ''}write {what}{stays}")
    elif target is not None:
        with making(target, "cannot be written"):
            manifest.write(target, force=options.force)
            if keeps and (change := difference(files[0], manifest.secret_yaml() or "")):
                warn(change)
    if options.json:
        show(to_json(_json(manifest, files, findings, options)))
    elif options.dry_run or is_printed:
        show(manifest.to_yaml().rstrip("\n"))
    else:
        show(_summary(manifest, files, options, keeps=keeps))
    if obstacle is not None:
        raise obstacle
    return None


def _in_the_way(files: Sequence[str], *, force: bool) -> MarpackError | None:
    """Return what would keep the files from being written."""
    try:
        for file in files:
            require_replaceable_file(file, force=force)
    except MarpackError as problem:
        return problem
    return None


def _summary(manifest: ServingManifest, files: Sequence[str], options: argparse.Namespace, *, keeps: bool) -> str:
    kinds = [each for each in manifest.documents() if each["kind"] != "Secret"]
    what = ", ".join(f"{each['kind']} {each['metadata']['name']}" for each in kinds)
    lines = [f"{printable(files[-1])}: {what}"]
    if manifest.secret is not None:
        keys = "with the keys" if options.with_credentials else "with placeholders: put the keys there first"
        keys = "without keys" if options.s3_anonymous else keys
        keys = "as it was, for the keys in it" if keeps else keys
        lines.append(f"{printable(files[0])}: Secret {manifest.secret['metadata']['name']}, {keys}")
    return "\n".join([*lines, _apply(files), *manifest.urls])


def _apply(files: Sequence[str]) -> str:
    return " ".join(["kubectl apply", *(f"-f {shlex.quote(printable(file))}" for file in files)])


def _json(
    manifest: ServingManifest, files: Sequence[str], findings: Sequence[Finding], options: argparse.Namespace
) -> dict[str, Any]:
    """Return what spec/manifest-kserve.schema.json describes; of a Secret, all but what it holds."""
    service = manifest.inference_service
    env = {name: HIDDEN if is_secret_name(name) else redacted(name, text) for name, text in service.env.items()}
    shown = replace(service, env=env, args=[redacted("", word) for word in service.args])
    secret = None
    if manifest.secret is not None:
        secret = {
            "name": manifest.secret["metadata"]["name"],
            "file": files[0],
            "with_credentials": bool(options.with_credentials),
        }
    return {
        "schema": _SCHEMA,
        "written": not options.dry_run and bool(files),
        "file": files[-1] if files else None,
        "secret": secret,
        "apply": _apply(files) if files else None,
        "name": service.name,
        "namespace": service.namespace,
        "models": list(manifest.models),
        "urls": list(manifest.urls),
        "documents": [each for each in (manifest.service_account, shown.document()) if each is not None],
    } | findings_json(findings)
