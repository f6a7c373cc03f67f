"""Names of other libraries are answered with ours, in messages and on the page."""

from pathlib import Path

import numpy as np
import pytest

import theanets
from theanets.renamed import ELSEWHERE

PAGE = Path(__file__).parent.parent / "docs" / "moving.md"
X = np.zeros((4, 3))
USES = {
    "train": lambda **given: theanets.Regressor([3, 2]).train(
        (X, X[:, :2]), progress=False, **given
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


def test_the_page_has_the_table():
    rows = [
        f"| {where} | `{name}` | {text} |"
        for where, table in ELSEWHERE.items()
        for name, text in table.items()
    ]
    page = PAGE.read_text()
    assert "\n".join(rows) in page
