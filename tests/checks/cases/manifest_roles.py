"""Files that a manifest names: values that are no names, and files that are not there."""

from __future__ import annotations

from tests.checks.cases.case import Case
from tests.checks.cases.manifests import GOOD, JOIN, of
from tests.checks.cases.requirements import FAILED, INSTALLING
from tests.checks.cases.requirements import GOOD as INSTALLED

CASES: list[Case] = [
    Case(
        code="manifest-role-value",
        title="configFile is null",
        broken=of(configFile=None),
        repaired=GOOD,
        fails="worker",
        says=JOIN,
    ),
    Case(
        code="manifest-role-value",
        title="configFile is empty",
        broken=of(configFile=""),
        repaired=GOOD,
        fails="worker",
        says="IsADirectoryError",
    ),
    Case(
        code="manifest-role-value",
        title="configFile is a number",
        broken=of(configFile=7),
        repaired=GOOD,
        fails="worker",
        says=JOIN,
    ),
    Case(
        code="manifest-role-value",
        title="modelFile is a number",
        broken=of(modelFile=7, handler="base_handler"),
        repaired=GOOD,
        fails="worker",
        says=JOIN,
    ),
    Case(
        code="manifest-role-value",
        title="serializedFile is true",
        broken=of(serializedFile=True, handler="base_handler"),
        repaired=GOOD,
        fails="worker",
        says=JOIN,
    ),
    Case(
        code="manifest-file-missing",
        title="requirementsFile is a number",
        broken=of(requirementsFile=7),
        repaired=GOOD,
        fails="register",
        says="Custom pip package installation failed",
        config={"install_py_dep_per_model": "true"},
    ),
    Case(
        code="manifest-file-missing",
        title="configFile",
        broken=of(configFile="model-config.yaml"),
        repaired=GOOD,
        fails="worker",
        says=r"FileNotFoundError: \[Errno 2\] No such file or directory: .*model-config\.yaml",
    ),
    Case(
        code="manifest-handler-path",
        title="a folder",
        broken=of(handler="src/handler.py"),
        repaired=GOOD,
        fails="serves",
    ),
    Case(
        code="manifest-file-missing",
        title="requirementsFile",
        broken=of(requirementsFile="requirements.txt"),
        repaired=INSTALLED,
        fails="register",
        says=FAILED,
        config=INSTALLING,
    ),
]
