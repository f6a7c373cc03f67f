"""Names of other libraries are answered with ours, in messages and on the page."""

from pathlib import Path

import numpy as np
import pytest

import theanets
from theanets.utils.renamed import ELSEWHERE

PAGE = Path(__file__).parent.parent / "docs" / "moving.md"
X = np.zeros((4, 3))
USES = {
    "train": lambda **given: theanets.Regressor([3, 2]).train(
        (X, X[:, :2]), progress=False, **given
    ),
    "monitor": lambda **given: theanets.Classifier([3, 2]).train(
        (X, [0, 1, 0, 1]), progress=False, monitor=next(iter(given))
    ),
    "layer": lambda **given: theanets.Regressor([3, dict(size=4, **given), 2]),
    "model": lambda **given: theanets.Regressor([3, 2], **given),
}


@pytest.mark.parametrize(
    ("where", "name"),
    [(where, name) for where in ELSEWHERE for name in ELSEWHERE[where]],
)
def test_a_name_of_another_library(where, name):
    with pytest.raises(theanets.ConfigurationError) as caught:
        USES[where](**{name: 1})
    assert str(caught.value).endswith(f" Here it is {ELSEWHERE[where][name]}.")


def test_a_monitor_that_is_not_measured_is_not_answered():
    with pytest.raises(theanets.ConfigurationError) as caught:
        theanets.Regressor([3, 2]).train((X, X[:, :2]), monitor="accuracy")
    assert "It has: err, loss." in str(caught.value)
    assert "acc." not in str(caught.value)


@pytest.mark.parametrize("name", ["fit", "evaluate", "summary", "compile"])
def test_methods_of_other_libraries(name):
    net = theanets.Regressor([3, 2])
    with pytest.raises(AttributeError, match=rf"no '{name}'\. Write now: "):
        getattr(net, name)
    assert not hasattr(net, name)


def test_the_page_has_the_table():
    rows = [
        f"| {where} | `{name}` | {text} |"
        for where, table in ELSEWHERE.items()
        for name, text in table.items()
    ]
    page = PAGE.read_text()
    assert "\n".join(rows) in page
