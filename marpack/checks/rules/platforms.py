"""Rules of those who run the server: KServe, SageMaker and Vertex AI, where ``target`` says so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.checks.python.classes import Method
from marpack.checks.python.request_body import answering, json_uses
from marpack.checks.python.values import Function
from marpack.checks.rules.entry_point import meant
from marpack.checks.rules.handler_name import entry_of
from marpack.checks.rules.manifest_file import manifest_finding
from marpack.config.settings.kserve_names import LONGEST_SERVICE_NAME, is_kserve_file, service_name_problem
from marpack.display import brief_repr
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

# What the images of Vertex AI load.
VERTEX_NAME = "model.mar"


@rule("kserve-file-name", "error", kind="model")
def find_kserve_file_name(subject: Subject) -> Iterator[Finding]:
    """Give KServe an archive with the one suffix ``.mar``.

    The wrapper of TorchServe's KServe images waits for its models before it answers. It looks in the model store
    for folders, and for files whose suffixes are ``.mar`` and no others: ``a.b.mar`` and ``a.tar.gz`` do not
    count, and where nothing else is there it raises that the model is missing [server] (source:
    ``kubernetes/kserve/kserve_wrapper/TorchserveModel.py`` in pytorch/serve).
    """
    name = subject.file_name
    if subject.settings.target != "kserve" or not name or subject.form == "folder":
        return
    if not is_kserve_file(name):
        message = f"{name!r} has other suffixes than .mar, and KServe's wrapper does not take it for a model"
        yield find_kserve_file_name.finding(message=message, fix="use one dot only, the one of .mar")


@rule("kserve-model-name", "warning", kind="model")
def find_kserve_model_name(subject: Subject) -> Iterator[Finding]:
    """Name a model for KServe as a service can be named.

    KServe asks for ``/v1/models/NAME:predict``: a ``:`` or ``/`` in the name ends it. An InferenceService can be
    called as its model only if that is made of lower-case letters, digits and ``-``, begins with a letter, ends
    with a letter or a digit, and has at most 45 characters: Kubernetes takes 63 for ``NAME-predictor-default``,
    which KServe makes of it (``inference_service_validation.go`` in kserve/kserve; Kubernetes' "Object Names and
    IDs"; KServe's "V1 Inference Protocol"). A service of another name answers for the model under the model's own
    name alone.
    """
    name = subject.role("modelName")
    if subject.settings.target != "kserve" or name is None or service_name_problem(name) is None:
        return
    severity: Severity = "warning"
    fix = f"begin with a letter, and use lower-case letters, digits and '-', at most {LONGEST_SERVICE_NAME}"
    if re.search("[:/?#%]", name):
        message = f"{name!r} cannot stand in the URL /v1/models/NAME:predict"
    else:
        message = f"{name!r} cannot be the name of an InferenceService: it {service_name_problem(name)}"
        severity, fix = "note", f"{fix}, or name the service apart"
    yield manifest_finding(
        find_kserve_model_name, subject, "model.modelName", message=message, fix=fix, effect="", severity=severity
    )


@rule("sagemaker-form", "warning", kind="model")
def find_sagemaker_form(subject: Subject) -> Iterator[Finding]:
    """Give SageMaker a ``.tar.gz``.

    ``ModelDataUrl`` must point to one gzip-compressed tar whose name ends in ``.tar.gz`` (SageMaker's API
    reference, ContainerDefinition). TorchServe is given the folder that this was unpacked to: in a multi-model
    endpoint, and from version 2.0.10 of SageMaker's toolkit on in any other. It serves by the manifest then, where
    the folder has one [server], and else by the toolkit's own handler. Up to 2.0.9 the toolkit did not look at the
    manifest there: it packed the whole folder as the extra files of a model of its own (``torchserve.py`` of
    sagemaker-pytorch-inference 2.0.9, 2.0.10 and 2.0.25, from PyPI).
    """
    if subject.settings.target != "sagemaker":
        return
    if subject.form != "tgz" or not (subject.file_name or ".tar.gz").endswith(".tar.gz"):
        message = "it is no .tar.gz, and SageMaker takes no other model data"
        fix = "pack it with archive_format='tgz' (--archive-format tgz)"
        yield find_sagemaker_form.finding(message=message, fix=fix)


@rule("sagemaker-json", "warning", kind="model")
def find_undecoded_json(subject: Subject) -> Iterator[Finding]:
    """Decode JSON in the handler where the server does not.

    SageMaker's images, and the preset ``sagemaker``, set ``decode_input_request=false``: a handler is given the
    bytes of a body, whatever its type. One that takes them for a dictionary fails for every request [server].
    Functions that look at types, decode anything or catch errors are taken to know (source: ``default-ts`` and
    ``mme-ts.properties`` of sagemaker-pytorch-inference 2.0.25).
    """
    if subject.settings.target != "sagemaker":
        return
    for function, member, is_method in _answering(subject):
        for use in json_uses(function, is_method=is_method):
            shown = brief_repr(ast.unparse(use))
            message = f"{shown} takes the body of a request for decoded JSON, and it is bytes"
            yield find_undecoded_json.finding(
                message=message,
                effect=f'it answers 503, "Prediction failed": {_of_bytes(use)}',
                fix="decode it where it is bytes (json.loads), or set decode_input_request=true, in SageMaker's "
                "images by the variable TS_DECODE_INPUT_REQUEST",
                member=member,
                line=use.lineno,
            )
            return  # one is enough to say it


def _of_bytes(use: ast.expr) -> str:
    """Return what Python says of bytes that are used as a dictionary."""
    if isinstance(use, ast.Call) and isinstance(use.func, ast.Attribute):
        return f"AttributeError: 'bytearray' object has no attribute {use.func.attr!r}"
    return "TypeError: bytearray indices must be integers or slices, not str"


def _answering(subject: Subject) -> Iterator[tuple[Method, str | None, bool]]:
    """Yield the functions of the archive that get requests, with their member, and whether they are methods."""
    entry = entry_of(subject)
    if entry is None:
        return
    if entry.cls is not None:
        for function, owner in answering(entry.cls):
            yield function, owner.member, True
    value = meant(entry)
    if isinstance(value, Function) and not isinstance(value.node, ast.Lambda):
        yield value.node, entry.member, False


@rule("vertex-file-name", "error")
def find_vertex_file_name(subject: Subject) -> Iterator[Finding]:
    """Call an archive for Vertex AI ``model.mar``.

    Vertex AI's prebuilt PyTorch images expect this name, which the archiver gives to a model called ``model``
    (Vertex AI's documentation, "Export model artifacts for prediction and explanation": PyTorch).
    """
    name = subject.file_name
    if subject.settings.target == "vertex" and name not in ("", VERTEX_NAME):
        message = f"{name!r} is not called {VERTEX_NAME!r}, and Vertex AI's image loads no other"
        fix = "call the model 'model' (--model-name model), or rename the archive"
        yield find_vertex_file_name.finding(message=message, fix=fix)


RULES = rules_in(globals())
