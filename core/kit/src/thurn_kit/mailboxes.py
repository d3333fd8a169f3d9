"""The settings that stores share: the separator of names, and the mailboxes of a new account.

    [store.main]
    mailboxes = [{name = "INBOX"}, {name = "Sent", use = "sent"}, {name = "Trash", use = "trash"}]

Clients look for a mailbox with the special use before they make one of their own; some make it
without the attribute, so that the next client makes another. RFC 6154 §1, §2.
"""

from __future__ import annotations

from typing import Final, Literal, Self, TypeAlias

from pydantic import Field, model_validator
from thurn.plugin import INBOX, MailboxNameRefused, Settings, mailbox_name

SpecialUse: TypeAlias = Literal["archive", "drafts", "junk", "sent", "trash"]
"""The uses of RFC 6154 §2 that are mailboxes of their own; `all` and `flagged` are views."""

INITIAL_MAILBOXES: Final = 100
"""Most mailboxes of a new account: they are made while its first message or login waits."""


class InitialMailbox(Settings):
    """A mailbox that each new account gets."""

    name: str = Field(description='Its name; "INBOX" exists anyway, and can be subscribed here.')
    use: SpecialUse | None = Field(
        default=None, description="What clients keep in it; at most one mailbox has each use."
    )
    subscribed: bool = Field(default=True, description="Whether the account subscribes it.")

    @property
    def special_use(self) -> tuple[str, ...]:
        r"""The attributes that the store keeps, such as `\Sent`."""
        return () if self.use is None else (f"\\{self.use.capitalize()}",)


class StoreSettings(Settings):
    """Settings of every store with accounts of its own."""

    separator: str = Field(
        default="/",
        pattern=r"^[/.]$",
        description="The hierarchy separator of mailbox names. Changing it later renames nothing.",
    )
    mailboxes: tuple[InitialMailbox, ...] = Field(
        default=(),
        max_length=INITIAL_MAILBOXES,
        description="The mailboxes of a new account beside INBOX, in this order. Accounts that "
        "exist keep what they have.",
    )

    @model_validator(mode="after")
    def _check_mailboxes(self) -> Self:
        names: list[str] = []
        for mailbox in self.mailboxes:
            try:
                names.append(mailbox_name(mailbox.name, self.separator))
            except MailboxNameRefused:
                raise ValueError(f"{mailbox.name!r} is not a mailbox name") from None
            if names[-1] != mailbox.name:
                raise ValueError(f"write {mailbox.name!r} as {names[-1]!r}")
            if mailbox.name == INBOX and mailbox.use is not None:
                raise ValueError("INBOX has no special use")
        uses: list[str] = [mailbox.use for mailbox in self.mailboxes if mailbox.use is not None]
        for what, words in (("name", names), ("use", uses)):
            if twice := sorted({word for word in words if words.count(word) > 1}):
                raise ValueError(f"two mailboxes have the {what} {twice[0]!r}")
        return self
