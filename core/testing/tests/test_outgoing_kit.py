"""The kit of the stage `outgoing` finds what breaks the contract."""

from __future__ import annotations

import pytest
from thurn.plugin import (
    Address,
    ChangeSender,
    Continue,
    InsertFields,
    InsertHeader,
    Reject,
    RemoveHeader,
    RemoveRecipient,
    Tempfail,
    outgoing_filter,
)
from thurn_testing.contracts.outgoing import check_outgoing_filter

SENDER = Address.parse("srs@example.org")


async def check(answer, outgoing_class):
    @outgoing_filter("one", outgoing_class=outgoing_class)
    def one(content):
        return answer

    async with one.open(one.settings(), None) as product:
        await check_outgoing_filter(product)


@pytest.mark.parametrize(
    ("answer", "outgoing_class"),
    [
        (None, "edit"),
        (Tempfail("key.unreadable"), "sign"),
        (Continue(edits=(InsertFields(b"X-Sign: a\r\n b\r\n"),)), "sign"),
        (Continue(edits=(RemoveHeader("Subject"), ChangeSender(SENDER))), "edit"),
    ],
    ids=repr,
)
async def test_what_keeps_the_contract_passes(answer, outgoing_class):
    await check(answer, outgoing_class)


@pytest.mark.parametrize(
    ("answer", "outgoing_class", "promise"),
    [
        (None, "both", "outgoing_class"),
        (Reject("no", "never"), "edit", "judges nothing"),
        ("yes", "edit", "judges nothing"),
        (Tempfail(""), "edit", "reason"),
        (Continue("Not a word"), "edit", "dotted word"),
        (Continue(edits=(RemoveRecipient(SENDER),)), "edit", "carried out"),
        (Continue(edits=(RemoveHeader("Subject"),)), "sign", "carried out"),
        (Continue(edits=(InsertHeader("X", "1\r\n2"),)), "edit", "carried out"),
        (Continue(edits=(InsertFields(b"X: 1\r\n\r\n"),)), "sign", "carried out"),
        (Continue(edits=(InsertFields(b"X: 1\r\nY: 2"),)), "sign", "carried out"),
        (Continue(edits=(InsertFields(b" folded: 1\r\n"),)), "sign", "carried out"),
        (Continue(edits=(InsertFields(b""),)), "sign", "carried out"),
        (Continue(edits=(InsertFields(b"X: " + b"x" * 1_000 + b"\r\n"),)), "sign", "carried out"),
    ],
    ids=repr,
)
async def test_what_breaks_it_is_found(answer, outgoing_class, promise):
    with pytest.raises(AssertionError, match=promise):
        await check(answer, outgoing_class)
