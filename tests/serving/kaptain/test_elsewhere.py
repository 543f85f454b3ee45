"""What is done elsewhere: each call says where (K253, K255)."""

from __future__ import annotations

import pytest

from marpack.kaptain import ImageBuilderUtil, NotDoneHereError
from marpack.kaptain import utils as utils
from marpack.serving.kaptain.values.elsewhere import CLUSTER_FUNCTIONS


@pytest.mark.parametrize("name", CLUSTER_FUNCTIONS)
def test_a_function_for_the_cluster_names_the_command(name: str) -> None:
    function = getattr(utils, name)
    assert function.__name__ == name
    with pytest.raises(NotDoneHereError, match="kubectl") as caught:
        function("name", kind="tfjob")
    assert caught.value.what == f"{name}()"
    assert caught.value.instead in str(function.__doc__)


def test_an_image_is_described_and_not_built() -> None:
    builder = ImageBuilderUtil.builder(image_name="image:tag", dockerfile_content="FROM base", files=["a.py"])
    with pytest.raises(NotDoneHereError, match="docker build"):
        builder.build_image()
