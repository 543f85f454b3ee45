"""All cases of lint in one order."""

from __future__ import annotations

from tests.config.cases.environment import ENVIRONMENT_CASES
from tests.config.cases.kserve import KSERVE_CASES
from tests.config.cases.models import MODEL_CASES
from tests.config.cases.text import TEXT_CASES
from tests.config.cases.together import TOGETHER_CASES
from tests.config.cases.unworkable import UNWORKABLE_CASES

CASES = [*TEXT_CASES, *TOGETHER_CASES, *KSERVE_CASES, *UNWORKABLE_CASES, *MODEL_CASES, *ENVIRONMENT_CASES]
