"""The judge sees every change: whatever expected.json states is missed when it is not so."""

from __future__ import annotations

import copy
import random

import pytest
from judging import UNSTEADY, differences
from unpacked import FORMATS, expected_of

SAMPLE = 150
"""Values of each section that are changed, one after the other."""
DAY_SECONDS = 86_400


def leaves(value, place=()):
    """Where the single values are."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, (*place, key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from leaves(one, (*place, number))
    else:
        yield place


def changed(value):
    if value is None:
        return 1
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else f"{value}?"


def with_change(facts, place):
    """The same facts but for one value; only what is on the way is copied."""
    if not place:
        return changed(facts)
    found = copy.copy(facts)
    found[place[0]] = with_change(facts[place[0]], place[1:])
    return found


def just_after(expected):
    return expected["made"]["at"] + 60


@pytest.mark.parametrize("source", FORMATS, ids=lambda path: path.name)
def test_what_is_as_it_was_is_no_difference(source):
    expected = expected_of(source)
    assert not [*differences(expected, expected["facts"], just_after(expected))]


SECTIONS = [
    (source, section) for source in FORMATS for section in sorted(expected_of(source)["facts"])
]


@pytest.mark.parametrize(
    ("source", "section"), SECTIONS, ids=[f"{source.name}-{name}" for source, name in SECTIONS]
)
def test_every_fact_is_missed_when_it_is_not_so(source, section):
    whole = expected_of(source)
    facts = {section: whole["facts"][section]}
    places = [place for place in leaves(facts) if not UNSTEADY & {*place}]
    places = [place for place in places if not is_of_the_configuration(facts, place)]
    assert places
    for place in random.Random(section).sample(places, min(SAMPLE, len(places))):
        document = {**whole, "facts": with_change(facts, place)}
        assert [*differences(document, facts, just_after(whole))], place


def is_of_the_configuration(facts, place):
    """The time of a grant that each start gives again."""
    return (
        place[0] == "grants"
        and place[2] == "granted_at"
        and facts["grants"][place[1]]["granted_by"] == "relay.office"
    )


@pytest.mark.parametrize("source", FORMATS, ids=lambda path: path.name)
def test_what_ends_by_time_is_neither_demanded_nor_allowed_afterwards(source):
    expected = expected_of(source)
    facts, made_at = expected["facts"], expected["made"]["at"]
    ended = [
        text
        for text in differences(expected, facts, made_at + 500 * DAY_SECONDS)
        if text.startswith("grants: ") and text.endswith("has ended and is there")
    ]
    by_command = [one for one in facts["grants"] if one["granted_by"] == "command.relay"]
    assert len(ended) >= len(by_command) > 1
    configured = [one for one in facts["grants"] if one["granted_by"] == "relay.office"]
    later = {**facts, "grants": configured}
    assert not [*differences(expected, later, made_at + 500 * DAY_SECONDS)]


@pytest.mark.parametrize("source", FORMATS, ids=lambda path: path.name)
def test_a_thing_that_nobody_made_is_a_difference(source):
    expected = expected_of(source)
    changed = copy.deepcopy(expected["facts"])
    changed["mailboxes"]["alice"]["INBOX"]["messages"]["4294967295"] = {}
    changed["queues"]["main"]["another"] = {}
    changed["mailboxes"]["bob"]["another"] = {}
    next(iter(changed["queues"]["main"].values()))["parameters"]["X"] = None
    assert len([*differences(expected, changed, just_after(expected))]) == 4
