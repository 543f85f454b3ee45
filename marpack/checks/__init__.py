"""What the real server would refuse, found without importing the user's code: the rules, and what makes one."""

from __future__ import annotations

from marpack.archive.handler import Handler
from marpack.checks.examine import built_in_rules, check
from marpack.checks.frame.contents import Contents, MemberFile
from marpack.checks.frame.subject import CheckTarget, Form, Settings, Subject
from marpack.checks.python.modules import Modules
from marpack.checks.python.source import Source
from marpack.rule import Rule, rule

__all__ = [
    "CheckTarget",
    "Contents",
    "Form",
    "Handler",
    "MemberFile",
    "Modules",
    "Rule",
    "Settings",
    "Source",
    "Subject",
    "built_in_rules",
    "check",
    "rule",
]
