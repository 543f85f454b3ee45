"""The options by which ``marpack manifest kserve`` is told of a service, and the values that they name."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from marpack.config.settings.kserve_names import PROTOCOL_VERSIONS
from marpack.errors import PlanError
from marpack.findings import Issue
from marpack.serving.kserve.described import inference_service
from marpack.serving.kserve.manifest import ServingManifest
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.storage_access import S3Access
from marpack.serving.kserve.transformer import CONFIG_MAP_KIND, SECRET_KIND, Transformer

_T = TypeVar("_T")


def _number(text: str) -> int | str:
    """Return a number; what is none is told with all else that is wrong."""
    return int(text) if re.fullmatch("-?[0-9]{1,30}", text) else text


# Options that are fields of InferenceService under the same names: what argparse is told, and what they mean.
_FIELDS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "the server": {
        "protocol_version": {"metavar": "|".join(PROTOCOL_VERSIONS), "help": "of requests; KServe's default: v1"},
        "runtime": {"metavar": "NAME", "help": "the ServingRuntime; default: what KServe chooses"},
        "runtime_version": {"metavar": "TAG", "help": "of the runtime's image, as 0.12.0 or 0.12.0-gpu"},
        "image": {"metavar": "IMAGE", "help": "in place of the runtime's"},
        "model_format": {"metavar": "NAME", "help": "default: pytorch"},
        "model_format_version": {"metavar": "VERSION", "help": "of the model's format"},
        "form": {"metavar": "model|pytorch", "help": "pytorch: as KServe before 0.8 has it; default: model"},
        "timeout": {"type": _number, "metavar": "SECONDS", "help": "for a request"},
    },
    "replicas": {
        "min_replicas": {"type": _number, "metavar": "N", "help": "0 lets it rest; KServe's default: 1"},
        "max_replicas": {"type": _number, "metavar": "N", "help": "0: as many as it takes"},
        "scale_target": {"type": _number, "metavar": "N", "help": "what a replica is meant to have of the metric"},
        "scale_metric": {"metavar": "METRIC", "help": "concurrency, rps, cpu or memory"},
        "container_concurrency": {
            "type": _number,
            "metavar": "N",
            "help": "requests at a time that a replica takes",
        },
        "canary_traffic_percent": {"type": _number, "metavar": "N", "help": "the share of the newest revision"},
    },
}
_QUANTITIES = {
    "cpu": "processors, as 1 or 500m",
    "memory": "memory, as 4Gi",
    "gpus": "GPUs",
    **{f"{kind}_{side}": f"only the {side}" for kind in ("cpu", "memory", "gpu") for side in ("request", "limit")},
}
_EQUAL = ("cpu", "memory", "gpus")

# Arguments of the library that are options of another name.
_OPTIONS = {
    "source": "SOURCE",
    "args": "--arg",
    "labels": "--label",
    "annotations": "--annotation",
    "service_account_name": "--service-account",
    "session_token": "AWS_SESSION_TOKEN",
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
}
_OF_TRANSFORMER = {
    "image_name": "--transformer-image",
    "args": "--transformer-arg",
    "env_from": "--transformer-env-from",
}
_OF_STORE = {
    name: f"--s3-{name.replace('_', '-')}" for name in ("endpoint", "region", "anonymous", "ca_bundle", "role_arn")
}

# What is let in only with --with-credentials; and a path that means something on this machine alone.
_SECRET_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_OF_THIS_MACHINE = "AWS_CA_BUNDLE"


def add_service_options(parser: argparse.ArgumentParser) -> None:
    """Add all that can be said of a service beside its name, its model and its storage."""
    for title, fields in _FIELDS.items():
        group = parser.add_argument_group(title)
        for name, how in fields.items():
            group.add_argument(_option(name), **how)
    _add_container(parser)
    _add_store(parser)


def _add_container(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("resources: request and limit").add_argument
    for name, what in _QUANTITIES.items():
        add(_option(name), metavar="QUANTITY", help=what)
    add = parser.add_argument_group("the container").add_argument
    add("--arg", metavar="WORD", action="append", default=[], help="of the server, once or more")
    add("--env", metavar="NAME=VALUE", action="append", default=[], help="a variable that anybody may read")
    add("--env-from", metavar="KIND/NAME", help="variables of secret/NAME or configmap/NAME")
    add("--transformer-image", metavar="IMAGE", help="a container before it that changes requests and answers")
    add("--transformer-arg", metavar="WORD", action="append", default=[], help="of that, once or more")
    add("--transformer-env-from", metavar="KIND/NAME", help="variables of that")
    add("--label", metavar="KEY=VALUE", action="append", default=[], help="of every document")
    add("--annotation", metavar="KEY=VALUE", action="append", default=[], help="of the InferenceService")


def _add_store(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "the store", "With one of --s3-... a ServiceAccount is written, and a Secret into a file of its own."
    )
    add = group.add_argument
    add("--service-account", metavar="NAME", help="one that is there, in place of these options")
    add("--s3-endpoint", metavar="HOST:PORT", help="or a URL, whose scheme counts")
    add("--s3-region", metavar="REGION", help="as us-east-1")
    add("--s3-anonymous", action="store_true", help="the store asks for no keys")
    add("--s3-no-verify-ssl", action="store_true", help="take any certificate")
    add("--s3-ca-bundle", metavar="PATH", help="certificates, in the container that downloads")
    add("--s3-role-arn", metavar="ARN", help="an IAM role in place of keys")
    add("--s3-from-environment", action="store_true", help="what S3_ENDPOINT, AWS_REGION and others say")
    add(
        "--with-credentials",
        action="store_true",
        help="write AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment into the Secret's file, which "
        "only you may read; default: placeholders",
    )


def _option(argument: str) -> str:
    return _OPTIONS.get(argument) or f"--{argument.replace('_', '-')}"


def described_by(options: argparse.Namespace) -> ServingManifest:
    """Describe the service that the options name; ``PlanError`` tells all that is wrong, by the options."""
    issues: list[Issue] = []

    def attempt(make: Callable[[], _T], names: Mapping[str, str] = _OPTIONS) -> _T | None:
        try:
            return make()
        except PlanError as error:
            issues.extend(replace(each, argument=_named(each.argument, names)) for each in error.issues)
        return None

    settings: dict[str, Any] = {
        name: value
        for fields in _FIELDS.values()
        for name in fields
        if (value := getattr(options, name)) is not None
    }
    settings |= {
        "namespace": options.namespace,
        "args": options.arg,
        "env": attempt(lambda: _pairs(options.env, "env")) or {},
        "labels": attempt(lambda: _pairs(options.label, "labels")) or {},
        "annotations": attempt(lambda: _pairs(options.annotation, "annotations")) or {},
        "env_from": attempt(lambda: _source(options.env_from, "env_from")),
        "resources": attempt(lambda: _resources(options)),
        "transformer": attempt(lambda: _transformer(options), _OF_TRANSFORMER),
        "service_account_name": options.service_account,
    }
    access = attempt(lambda: _access(options), _OF_STORE)
    made = attempt(
        lambda: inference_service(
            options.source,
            storage_uri=options.storage_uri,
            name=options.name,
            torchserve_version=options.torchserve_version,
            access=access,
            with_credentials=options.with_credentials and access is not None and options.s3_from_environment,
            **settings,
        )
    )
    if options.with_credentials and not options.s3_from_environment:
        message = "takes keys from the environment: give --s3-from-environment too"
        issues.append(Issue(code="bad-value", argument=_option("with_credentials"), message=message))
    if issues or made is None:
        raise PlanError(list(dict.fromkeys(issues)))
    return made


def _named(argument: str, names: Mapping[str, str]) -> str:
    """Return the option, or the variable, that an argument of the library was made of."""
    head, bracket, rest = argument.partition("[")
    is_named = head.isupper() or head.startswith("-")
    return (names.get(head) or (head if is_named else _option(head))) + bracket + rest


def _pairs(texts: Iterable[str], argument: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    issues = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            # No more of it: what follows may be a secret.
            issues.append(
                Issue(code="bad-value", argument=argument, message="a value is not KEY=VALUE: write it so")
            )
        elif key in pairs:
            issues.append(Issue(code="collision", argument=argument, message=f"{key!r} is given twice: decide"))
        else:
            pairs[key] = value
    if issues:
        raise PlanError(issues)
    return pairs


def _source(text: str | None, argument: str) -> dict[str, str] | None:
    """Return what variables come from, by how kubectl names it."""
    if text is None:
        return None
    kind, _, name = text.partition("/")
    kinds = {"secret": SECRET_KIND, "configmap": CONFIG_MAP_KIND}
    if kind.lower() not in kinds or not name:
        message = f"{text!r} is neither secret/NAME nor configmap/NAME: write it so"
        raise PlanError([Issue(code="bad-value", argument=argument, message=message)])
    return {"name": name, "type": kinds[kind.lower()]}


def _resources(options: argparse.Namespace) -> Resources | None:
    given = {name: value for name in _QUANTITIES if (value := getattr(options, name)) is not None}
    if not given:
        return None
    equal = {name: value for name, value in given.items() if name in _EQUAL}
    sides = {name: value for name, value in given.items() if name not in _EQUAL}
    if equal and sides:
        first, other = next(iter(equal)), next(iter(sides))
        message = f"is both sides, and {_option(other)} is one: give each side its own option, or only these"
        raise PlanError([Issue(code="collision", argument=first, message=message)])
    return Resources.equal(**equal) if equal else Resources(**sides)


def _transformer(options: argparse.Namespace) -> Transformer | None:
    source = _source(options.transformer_env_from, "env_from")
    if options.transformer_image is None:
        if options.transformer_arg or source:
            message = "is missing, and there are other options of a transformer: name its image"
            raise PlanError([Issue(code="bad-value", argument="image_name", message=message)])
        return None
    return Transformer(image_name=options.transformer_image, args=options.transformer_arg, env_from=source)


def _access(options: argparse.Namespace) -> S3Access | None:
    """Return what the options, and where it is asked for the environment, say of the store."""
    said: dict[str, Any] = {
        "endpoint": options.s3_endpoint,
        "region": options.s3_region,
        "anonymous": options.s3_anonymous or None,
        "verify_ssl": False if options.s3_no_verify_ssl else None,
        "ca_bundle": options.s3_ca_bundle,
        "role_arn": options.s3_role_arn,
    }
    said = {name: value for name, value in said.items() if value is not None}
    if not options.s3_from_environment:
        return S3Access(**said) if said else None
    left_out = {_OF_THIS_MACHINE, *(() if options.with_credentials else _SECRET_VARIABLES)}
    found = S3Access.from_variables({name: text for name, text in os.environ.items() if name not in left_out})
    return replace(found, **said)
