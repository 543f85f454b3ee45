"""What is said of weights that no handler loads."""

from __future__ import annotations

import marpack
from tests.checks.cases.weights import BASE, NET, STATE, saved


def test_names_are_kept_as_they_are_and_escaped_once_where_they_are_shown() -> None:
    """The key of a checkpoint, and the class of an object, are whatever their writer wants."""
    net = {"net.py": NET.encode()}
    checkpoint = saved(b"}X\x03\0\0\0a\nb" + STATE + b"s")
    pickled = saved(b"\x8c\x03a\x1bb\x8c\x03Net\x93)\x81")
    refused = saved(
        b"ccollections\nOrderedDict\n)R(X\x04\0\0\0more" + b"\x8c\x03a\x1bb\x8c\x03Net\x93" + STATE[31:]
    )
    cases = (
        (checkpoint, net, "weights-state-dict", r"'a\nb'", r"under 'a\nb'"),
        (pickled, net, "weights-state-dict", "a\x1bb.Net", r"a\x1bb.Net"),
        (pickled, None, "weights-script", r"of 'a\x1bb.Net'", r"of 'a\x1bb.Net'"),
        (refused, net, "weights-state-dict", "it holds a\x1bb.Net", r": it holds a\x1bb.Net: "),
    )
    for data, model_file, code, said, shown in cases:
        plan = marpack.plan_archive(
            model_name="m",
            handler={"handler.py": BASE.encode()},
            model_file=model_file,
            serialized_file={"net.pt": data},
        )
        [finding] = marpack.check(plan, select="weights")
        assert finding.code == code
        assert said in finding.message
        assert shown in str(finding)
