"""The rule on weights of several files: parts that other parts name, and that are not packed."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator

from marpack.checks.frame.parts import Part, parts_of
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.weights import is_named, serialized_file, source_names, source_texts
from marpack.checks.rules.handler_name import is_python
from marpack.checks.rules.weights_calls import loads_of
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in


@rule("weights-part-missing", "warning", kind="model")
def find_missing_parts(subject: Subject) -> Iterator[Finding]:
    """Pack all files of weights that consist of several.

    ``torch.onnx.export`` keeps tensors in a second file beside the ``.onnx`` (``net.onnx.data``), which names it
    in its ``external_data``, by a path that is relative to it; weights that are cut into shards have an index
    (``weight_map`` in ``model.safetensors.index.json``), or say in their names how many there are; a distributed
    checkpoint of torch names its files in ``.metadata``; and folders as transformers, peft and diffusers save them
    hold a tokenizer's vocabulary, sources that ``auto_map`` names, or a folder for each component. Without one of
    them nobody reads the others [server]. It is an error for a model of ONNX that surely is loaded, and a note
    where no source reads such files; nothing is said of files that the handler may have written before it loads
    the model.
    """
    if not is_python(subject):
        return
    loads = loads_of(subject)
    surely = {event.path for event in loads if event.phase != "answer"}
    for part in parts_of(subject):
        if any(event.path == part.whole and event.may_find(part.name) for event in loads):
            continue
        if subject.holds(part.name):
            if (size := subject.names.get(part.name, part.least)) < part.least:
                yield find_missing_parts.finding(
                    message=f"it keeps tensors in {part.name!r} up to byte {part.least:,}, and that has {size:,}",
                    fix=f"pack the {part.name!r} that was written with it, whole",
                    effect="onnxruntime: External initializer: ... are out of bounds",
                    member=part.whole,
                    severity=_severity(subject, part, surely),
                )
            continue
        if part.name.startswith("/"):
            yield find_missing_parts.finding(
                message=f"it keeps tensors in {part.name!r}, and no file of an archive has such a path",
                fix="save it again with a location in its own folder (onnx.save_model, location=)",
                effect=part.effect,
                member=part.whole,
                severity=_severity(subject, part, surely),
            )
            continue
        fix = f"pack {part.name!r} too"
        near = _near(subject, part)
        if near is not None:
            fix += f": {near!r} lies elsewhere"
        yield find_missing_parts.finding(
            message=f"it needs {part.name!r}, and that is not packed",
            fix=fix,
            effect=part.effect,
            member=part.whole,
            severity=_severity(subject, part, surely),
        )


def _severity(subject: Subject, part: Part, surely: Collection[str]) -> Severity:
    if part.whole.endswith(".onnx") and part.whole in surely:
        return "error"
    if part.whole == serialized_file(subject):
        return "error" if subject.worker.loads_model is True and part.whole.endswith(".onnx") else "warning"
    if any("vocab" in text for text in subject.once(source_texts)) and "tokenizer" in part.whole:
        return "note"  # it looks for the vocabulary before it takes it
    if is_named(subject, part.whole) or not part.readers.isdisjoint(source_names(subject)):
        return "warning"
    return "note"


def _near(subject: Subject, part: Part) -> str | None:
    base = posixpath.basename(part.name)
    return next((name for name in subject.names if posixpath.basename(name) == base), None)


RULES = rules_in(globals())
