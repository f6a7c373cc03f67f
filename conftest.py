"""What holds for the tests and for the examples in docstrings."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def classes_of_examples_are_not_ours(doctest_namespace: dict[str, object]) -> None:
    """Let a class that an example defines be one of a user's, not of its module."""
    doctest_namespace["__name__"] = "an_example"
