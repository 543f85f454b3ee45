"""What the real server would refuse, found without importing the user's code: the rules, and what makes one."""

from __future__ import annotations

from marpack.checks.examine import built_in_rules, check
from marpack.checks.modules import Modules
from marpack.checks.registry import Problem, Rule, rule
from marpack.checks.subject import CheckTarget, Contents, Form, Handler, MemberFile, Settings, Source, Subject

__all__ = [
    "CheckTarget",
    "Contents",
    "Form",
    "Handler",
    "MemberFile",
    "Modules",
    "Problem",
    "Rule",
    "Settings",
    "Source",
    "Subject",
    "built_in_rules",
    "check",
    "rule",
]
