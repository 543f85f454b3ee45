"""Law: a model that is saved as JSON comes back equal, and knows as much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marpack.kaptain import Config, Model, ModelFramework

if TYPE_CHECKING:
    from pathlib import Path

said = st.text(min_size=1, max_size=20).filter(str.strip)
maybe = st.none() | said
values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
tables = st.dictionaries(st.text(max_size=9), values, max_size=4)
numbers = st.dictionaries(st.sampled_from(["latest", "min", "max"]), st.floats(), max_size=3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    properties=st.fixed_dictionaries(
        {"id": said},
        optional={
            **dict.fromkeys(("name", "description", "version", "framework_version", "main_file"), maybe),
            **dict.fromkeys(("image_name", "base_image"), maybe),
            "framework": st.none() | st.sampled_from(ModelFramework),
            "extra_files": st.none() | st.lists(st.text(alphabet="ab/é", max_size=5), max_size=3),
            "requirements": st.none() | st.just("requirements.txt") | st.just(["six"]),
            "labels": st.none() | st.lists(said, max_size=3),
            "serving_config": st.none() | tables,
        },
    ),
    hyperparameters=st.none() | tables,
    metrics=st.none() | st.dictionaries(said, numbers, max_size=3),
)
def test_a_saved_model_comes_back(
    properties: dict[str, Any], hyperparameters: Any, metrics: Any, tmp_path: Path
) -> None:
    model = Model(**properties, config=Config(base_dir=tmp_path))
    model.hyperparameters, model.metrics = hyperparameters, metrics
    model.save_as_json("model.json", overwrite=True, with_secrets=True)
    again = Model.load_from_json("model.json", model.config)
    assert again == model
    # NaN is not equal to itself.
    assert repr(vars(again)) == repr(vars(model))
