"""What the real server would refuse, found without importing the user's code: the rules, and what makes one."""

from __future__ import annotations

from marpack.archive.forms import ContainerForm
from marpack.archive.handler import HandlerName
from marpack.checks.examine import built_in_rules, check
from marpack.checks.frame.contents import Contents, MemberFile
from marpack.checks.frame.subject import CheckTarget, Settings, Subject
from marpack.checks.python.entry_point import Worker
from marpack.checks.python.modules import Modules
from marpack.checks.python.source import PythonFile
from marpack.rule import Rule, rule

__all__ = [
    "CheckTarget",
    "ContainerForm",
    "Contents",
    "HandlerName",
    "MemberFile",
    "Modules",
    "PythonFile",
    "Rule",
    "Settings",
    "Subject",
    "Worker",
    "built_in_rules",
    "check",
    "rule",
]
