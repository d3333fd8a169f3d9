"""The mailboxes of a new account, as a site's file names them. RFC 6154 §2."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from thurn_kit.mailboxes import StoreSettings


def test_uses_are_attributes():
    settings = StoreSettings(mailboxes=[{"name": "INBOX"}, {"name": "Bin", "use": "trash"}])
    assert [one.special_use for one in settings.mailboxes] == [(), ("\\Trash",)]
    assert all(one.subscribed for one in settings.mailboxes)


@pytest.mark.parametrize(
    ("mailboxes", "finding"),
    [
        ([{"name": "a//b"}], "not a mailbox name"),
        ([{"name": ""}], "not a mailbox name"),
        ([{"name": "Inbox"}], "write 'Inbox' as 'INBOX'"),
        ([{"name": "INBOX", "use": "sent"}], "INBOX has no special use"),
        ([{"name": "a"}, {"name": "a"}], "two mailboxes have the name 'a'"),
        ([{"name": "a", "use": "sent"}, {"name": "b", "use": "sent"}], "the use 'sent'"),
        ([{"name": "a", "use": "all"}], "use"),
        ([{"name": str(n)} for n in range(101)], "at most 100"),
    ],
)
def test_findings(mailboxes, finding):
    with pytest.raises(ValidationError, match=finding):
        StoreSettings(mailboxes=mailboxes)
