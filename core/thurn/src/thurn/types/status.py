"""The answer to a peer: a reply code, an enhanced code and a text. RFC 5321 §4.2, RFC 3463."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """One answer in SMTP's vocabulary; listeners of other protocols translate it by a table.

    Attributes:
        code: 200..599; the first digit says success, temporary or permanent failure.
        enhanced: class.subject.detail, such as "5.7.1". RFC 3463 §2.
        text: one line for people. It is generic: what is for the site alone belongs into the
            `detail` of a decision.
    """

    code: int
    enhanced: str
    text: str

    @property
    def is_success(self) -> bool:
        """Whether the command succeeded: the peer has nothing left to do."""
        return 200 <= self.code < 400

    @property
    def is_temporary(self) -> bool:
        """Whether the peer should try again later."""
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        """Whether the peer must not try the same again."""
        return self.code >= 500

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"


OK = Status(250, "2.0.0", "Ok")
STORED = Status(250, "2.0.0", "Stored")
QUEUED = Status(250, "2.0.0", "Queued")
LOCAL_ERROR = Status(451, "4.3.0", "Temporary failure here, try again later")
STORAGE_FULL = Status(452, "4.3.1", "Not enough storage here, try again later")
SHUTTING_DOWN = Status(421, "4.3.2", "Service is closing, try again")
TOO_MANY_CONNECTIONS = Status(421, "4.7.0", "Too many connections from your address")
UNKNOWN_ACCOUNT = Status(550, "5.1.1", "No such recipient here")
RELAY_DENIED = Status(550, "5.7.1", "Relaying denied")
LOOP = Status(554, "5.4.6", "The message goes in a loop")
MESSAGE_TOO_BIG = Status(552, "5.3.4", "The message is larger than allowed here")
OVER_QUOTA = Status(452, "4.2.2", "The mailbox is full")
BAD_CREDENTIALS = Status(535, "5.7.8", "Authentication failed")
LOGIN_TROUBLE = Status(454, "4.7.0", "Temporary authentication failure")
ENCRYPTION_REQUIRED = Status(538, "5.7.11", "Encryption is required for this mechanism")
