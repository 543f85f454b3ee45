"""Whole or not at all: what breaks a deploy leaves the earlier one, its manifest and its record as they were."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.kaptain import Model, ModelDeploymentException, ModelPlanError
from tests.conftest import full_disk
from tests.support.deploys import ID, NAME, digits_model, record, storage_uri, tree
from tests.support.killed import killed_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("project")

MANIFEST = Path(f"{NAME}.yaml")
HOME = Path("store", ID, "deploy")
RECORD = HOME / "deployment.json"


def deploy_first(model: Model) -> None:
    model.deploy(replace=True)


def replace(model: Model) -> None:
    model.deploy(replace=True, env={"A": "1"})


def canary(model: Model) -> None:
    model.deploy_canary(30, model_uri="digits.pt")


def share(model: Model) -> None:
    model.deploy_canary(70)


def promote(model: Model) -> None:
    model.promote_canary()


CALLS = [deploy_first, replace, canary, share, promote]


@pytest.fixture
def earlier(request: pytest.FixtureRequest, project: Path) -> None:
    """Have a deploy with a canary, which needs no cluster, but for the first deploy of all."""
    # What is imported only when it is needed is here then, and not in each copy of the process.
    digits_model("probe", id="probe").deploy(output="probe")
    if request.node.callspec.params.get("call") is not deploy_first:
        model = digits_model()
        model.deploy()
        model.deploy_canary(10)


@contextmanager
def all_as_before() -> Iterator[None]:
    before = tree(".")
    yield
    assert tree(".") == before


def assert_whole() -> None:
    """What is seen is whole, and what the record and the manifest name is there."""
    named = [] if not MANIFEST.exists() else [storage_uri()]
    if RECORD.exists() and (found := record()["deployed"]):
        named += [found["service"]["storage_uri"], *filter(None, [found.get("canary", {}).get("storage_uri")])]
    folders = [path for path in HOME.glob("*") if path.is_dir() and not path.name.startswith(".")]
    assert {uri.removeprefix("file://") for uri in named} <= {str(path.absolute()) for path in folders}
    for folder in folders:
        assert (folder / "config" / "config.properties").is_file()
        with marpack.open_archive(folder / "model-store" / f"{NAME}.mar") as archive:
            archive.verify()


# ---------------------------------------------------------------------------------------------------------- killed


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.usefixtures("earlier")
def test_killed_anywhere_everything_that_is_seen_is_whole(call: Callable[[Model], None], tmp_path: Path) -> None:
    before = tree(".")
    old_record, old_manifest = before.get(str(RECORD)), before.get(str(MANIFEST))
    for number in range(1_000):
        was_killed = killed_at(number, lambda: call(digits_model()))
        assert_whole()
        after = tree(".")
        changing = {str(MANIFEST), str(RECORD)}
        assert {path: data for path, data in before.items() if path not in changing}.items() <= after.items()
        # The record is the last to change.
        if after.get(str(RECORD)) != old_record:
            assert after[str(MANIFEST)] != old_manifest
        if not was_killed:
            break
        restore(before)
    assert number > 3
    assert after[str(RECORD)] != old_record


def test_what_a_killed_deploy_left_is_in_nobodys_way() -> None:
    number = 0
    while killed_at(number, lambda: deploy_first(digits_model())):
        number += 5
    names = {path.name for path in Path().rglob(".marpack-*")}
    assert names, "something was half done"
    assert digits_model().deploy(replace=True)
    assert_whole()
    # It is not ours to say that nobody works there.
    assert names <= {path.name for path in Path().rglob(".marpack-*")}


def restore(files: dict[str, bytes]) -> None:
    """Have the current folder hold these files."""
    for path in tree(".").keys() - files.keys():
        Path(path).unlink()
    for name, data in files.items():
        Path(name).write_bytes(data)
    for folder in sorted((path for path in Path().rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


# ---------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("call", [deploy_first, replace])
@pytest.mark.usefixtures("earlier")
def test_a_disk_that_is_full_when_the_record_is_written_undoes_all(call: Callable[[Model], None]) -> None:
    padding = {"PADDING": "x" * 40_000}
    probe = digits_model("probe")
    probe.deploy(env=padding, output="probe")
    manifest, entry = Path("probe", f"{NAME}.yaml").stat(), Path("probe", ID, "deploy", RECORD.name).stat()
    assert probe.deployment.artifact.archive.size < manifest.st_size < entry.st_size
    with all_as_before(), full_disk(manifest.st_size), pytest.raises(ModelDeploymentException, match="deployment"):
        digits_model().deploy(env=padding, replace=call is replace)


@pytest.mark.parametrize(
    ("call", "limit"),
    [*((call, limit) for call in CALLS for limit in (0, 200)), *((call, 10_000) for call in CALLS[:3])],
)
@pytest.mark.usefixtures("earlier")
def test_a_full_disk_undoes_all(call: Callable[[Model], None], limit: int) -> None:
    with all_as_before(), full_disk(limit), pytest.raises(ModelDeploymentException):
        call(digits_model())
    call(digits_model())
    assert_whole()


def test_what_stands_in_the_place_of_the_record_undoes_all() -> None:
    """The last step fails; a folder is not read as a record, and not replaced by one."""
    RECORD.mkdir(parents=True)
    with all_as_before(), pytest.raises(ModelDeploymentException, match=r"deployment\.json"):
        digits_model().deploy()
    assert [path.name for path in HOME.iterdir()] == ["deployment.json"]


def test_a_secret_that_cannot_be_written_undoes_the_upload_too(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("out").mkdir()
    Path("out", f"{NAME}.yaml").mkdir()
    with all_as_before(), pytest.raises(ModelDeploymentException, match="is a folder"):
        digits_model().deploy(output="out")


def test_weights_that_change_while_they_are_packed_undo_all() -> None:
    """A source that is not what it said it was: a file that grows between planning and packing."""
    digits_model().deploy()
    grown = False

    def grow(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal grown
        if event == "os.mkdir" and ".marpack-" in str(arguments[0]) and not grown:
            grown = True
            with open("digits.pt", "ab") as file:
                file.write(b"more")

    with hooked(grow), pytest.raises(ModelDeploymentException, match="has changed since"):
        digits_model().deploy(replace=True)
    assert_whole()
    assert len(list(HOME.iterdir())) == 2


def test_another_deploy_meanwhile_is_not_overwritten() -> None:
    digits_model().deploy()
    theirs: dict[str, bytes] = {}

    def deploy_too(event: str, arguments: tuple[Any, ...]) -> None:
        # Our folder is about to appear.
        if event == "os.rename" and Path(str(arguments[1])).parent.name == "deploy" and not theirs:
            theirs["begun"] = b""
            digits_model().deploy(replace=True, env={"THEIRS": "1"})
            theirs.update({path: data for path, data in tree("store").items() if ".marpack-" not in path})

    with hooked(deploy_too), pytest.raises(ModelDeploymentException, match="has been changed since it was read"):
        digits_model().deploy(replace=True)
    del theirs["begun"]
    assert tree("store") == theirs
    assert_whole()
    assert digits_model().deploy(replace=True)


def test_the_manifest_of_another_deploy_meanwhile_is_not_taken_back() -> None:
    """Theirs is complete when ours looks whether the record is still the one that it read."""
    digits_model().deploy()
    begun = False

    def deploy_too(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal begun
        if begun or event != "open" or not str(arguments[0]).endswith(RECORD.name):
            return
        if "OURS" in MANIFEST.read_text():
            begun = True
            digits_model().deploy(replace=True, env={"THEIRS": "1"})

    with hooked(deploy_too), pytest.raises(ModelDeploymentException, match="has been changed"):
        digits_model().deploy(replace=True, env={"OURS": "1"})
    assert "THEIRS" in MANIFEST.read_text()
    assert_whole()


@pytest.mark.parametrize("place", ["folder", "link"])
def test_what_stands_in_the_place_of_a_secret_that_is_not_written_stays(place: str) -> None:
    model = digits_model()
    model.deploy()
    secret = Path(f"{NAME}-secret.yaml")
    if place == "folder":
        secret.mkdir()
    else:
        secret.symlink_to(MANIFEST)
    model.deploy_canary(10)
    assert secret.is_dir() if place == "folder" else secret.is_symlink()
    assert list(Path().rglob(".marpack-*")) == []


@pytest.mark.parametrize("renamed", [f"{NAME}.yaml", "deployment.json"])
def test_interrupted_everything_is_as_before(renamed: str) -> None:
    digits_model().deploy()

    times = 0

    def interrupt(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal times
        if event == "os.rename" and str(arguments[1]).endswith(renamed):
            times += 1
            if times == 1:
                raise KeyboardInterrupt

    with all_as_before(), hooked(interrupt), pytest.raises(KeyboardInterrupt):
        digits_model().deploy(replace=True, env={"A": "1"})


def test_what_cannot_be_forgotten_is_still_deployed() -> None:
    model = digits_model()
    model.deploy()
    with all_as_before(), full_disk(0), pytest.raises(ModelDeploymentException, match="cannot be written"):
        model.undeploy()
    model.undeploy()


def test_a_model_is_told_nothing_of_a_deploy_that_failed() -> None:
    model = digits_model()
    model.deploy()
    deployment, revision = model.deployment, model.revision
    Path("model.py").unlink()
    with pytest.raises(ModelPlanError):
        model.deploy(replace=True)
    with full_disk(0), pytest.raises(ModelDeploymentException):
        digits_model(
            serving_config={"handler": "handler.py", "model_file": "train.py", "serialized_file": "digits.pt"}
        ).deploy(replace=True)
    assert (model.deployment, model.revision) == (deployment, revision)


_HOOKS: list[Callable[[str, tuple[Any, ...]], None]] = []


@contextmanager
def hooked(hook: Callable[[str, tuple[Any, ...]], None]) -> Iterator[None]:
    """Have a function told of each change of the disk; Python's own hooks cannot be taken away again."""
    if not _HOOKS:
        sys.addaudithook(lambda event, arguments: _HOOKS[-1](event, arguments))
        _HOOKS.append(lambda event, arguments: None)
    _HOOKS.append(hook)
    try:
        yield
    finally:
        _HOOKS.pop()
