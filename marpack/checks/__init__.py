"""What the real server would refuse, found without importing the user's code: the rules, and what makes one."""

from __future__ import annotations

from marpack.checks.examine import built_in_rules, check
from marpack.checks.registry import Problem, Rule, rule
from marpack.checks.subject import Subject, Target

__all__ = ["Problem", "Rule", "Subject", "Target", "built_in_rules", "check", "rule"]
