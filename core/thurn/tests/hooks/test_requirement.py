"""The bound of a distribution on the host, read from its metadata alone."""

from __future__ import annotations

import pytest
from thurn.hooks.requirement import problem_of


@pytest.mark.parametrize(
    "requires",
    [
        ["thurn>=2,<3"],
        ["Thurn >= 2.1 , < 3"],
        ["thurn~=2.3"],
        ["thurn==2.*"],
        ["thurn>=2", "thurn<3"],
        ["thurn>=2.5,<3,!=2.6.1", "pydantic>=2"],
        ["thurn[sieve]>=2,<3"],
        ["this is no requirement", "thurn>=2,<3"],
    ],
)
def test_a_bound_that_admits_this_api_alone(requires):
    assert problem_of(requires) == ""


@pytest.mark.parametrize(
    ("requires", "told"),
    [
        (None, "do not name thurn"),
        ([], "do not name thurn"),
        (["thurn-message>=2,<3"], "do not name thurn"),
        (['thurn>=2,<3; extra == "host"'], "do not name thurn"),
        (["thurn"], "has no upper end"),
        (["thurn>=2"], "has no upper end"),
        (["thurn!=3.0"], "has no upper end"),
        (["thurn>=2,<4"], "admits API 3, too"),
        (["thurn<3"], "admits API 0, too"),
        (["thurn>=1.5,<3"], "admits API 1, too"),
        (["thurn>=2,<=3"], "admits API 3, too"),
        (["thurn>=1,<2"], "this is API 2"),
        (["thurn==1.4.2"], "this is API 2"),
        (["thurn>=3,<4"], "this is API 2"),
    ],
)
def test_any_other_bound_says_what_to_write(requires, told):
    problem = problem_of(requires)
    assert told in problem
    assert '"thurn>=2,<3"' in problem
