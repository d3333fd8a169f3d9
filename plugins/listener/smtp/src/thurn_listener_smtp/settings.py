"""The settings of `listener.smtp`: four profiles of one listener."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from pydantic import Field, model_validator
from thurn.plugin import Duration, ReceivingSettings
from thurn_kit.pace import PacedSettings
from thurn_kit.sources import NetworkSetting
from thurn_wire.smtp import limits

from thurn_listener_smtp.limits import GREETING_CHARACTERS

ProfileName: TypeAlias = Literal["mx", "submission", "submissions", "lmtp"]

_SUBMISSION: Final = {"submission": True, "require_login": True, "early_talkers": "allow"}
DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType({
    "submission": _SUBMISSION,
    "submissions": {**_SUBMISSION, "tls_mode": "implicit"},
    "lmtp": {"early_talkers": "allow"},
})  # fmt: skip
"""The settings of each profile, where the file does not set them."""


class SmtpSettings(PacedSettings, ReceivingSettings):
    """Settings of `listener.smtp`."""

    profile: ProfileName = Field(
        default="mx",
        description='"mx" takes mail from anybody for this site; "submission" (587) and '
        '"submissions" (465, TLS from the first octet) from people who log in; "lmtp" from '
        "another mail system, with one answer per recipient.",
    )
    greeting: str = Field(
        default="",
        max_length=GREETING_CHARACTERS,
        pattern=r"^[ -~]*$",
        description="Words behind the site's name in the greeting.",
    )
    recipients: int = Field(
        default=limits.RECIPIENTS,
        ge=limits.RECIPIENTS_FLOOR,
        description="Recipients of one message at most; the others are told 452 and come again.",
    )
    errors: int = Field(
        default=limits.ERRORS,
        ge=1,
        description="Errors and refused recipients since the last accepted message that end a "
        "connection with 421; from half of them on each answer takes a second.",
    )
    chunking: bool = Field(default=True, description="Offer CHUNKING (BDAT).")
    smtputf8: bool = Field(default=True, description="Offer SMTPUTF8.")
    require_tls: bool = Field(
        default=False,
        description="Take neither mail nor logins before STARTTLS; not for a public MX.",
    )
    early_talkers: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="Whether a peer that speaks before the greeting is refused; by default only "
        'with the profile "mx".',
    )
    greeting_delay: Duration = Field(
        default=0.0, description="How long to wait for early talkers before the greeting."
    )

    bare_line_ends: Literal["refuse", "normalize"] = Field(
        default="refuse",
        description="What happens to a message of DATA with a CR or LF alone: it is refused, or "
        "each becomes CRLF, as old scanners and machines need it. BDAT refuses it always.",
    )
    normalize_networks: tuple[NetworkSetting, ...] = Field(
        default=(),
        description="Networks and addresses of machines for which `bare_line_ends` is "
        '"normalize", whatever it is for others.',
    )

    @model_validator(mode="before")
    @classmethod
    def _apply_profile(cls, values: Any) -> Any:  # noqa: ANN401 - whatever the file has
        if not isinstance(values, dict):
            return values
        return {**DEFAULTS.get(str(values.get("profile")), {}), **values}

    @model_validator(mode="after")
    def _check_together(self) -> SmtpSettings:
        """Refuse settings that exclude each other, and name all of them at once."""
        wrong = [text for holds, text in self._rules() if not holds]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _rules(self) -> tuple[tuple[bool, str], ...]:
        lmtp = self.profile == "lmtp"
        return (
            (
                self.size_limit >= limits.MESSAGE_OCTETS_FLOOR,  # RFC 5321 §4.5.3.1.7
                'size_limit is at least "64KiB"',
            ),
            (
                self.profile != "submissions" or self.tls_mode == "implicit",  # RFC 8314 §3.3
                'the profile "submissions" has tls_mode = "implicit"',
            ),
            (
                not self.require_tls or (self.tls is not None and self.tls_mode != "none"),
                'require_tls needs tls = "…" and a tls_mode other than "none"',
            ),
            (
                not self.require_login or bool(self.sasl),
                "require_login needs a mechanism in sasl, or nobody can send",
            ),
            (not (lmtp and self.relay), "lmtp delivers to this site only: it has no relay"),
            (
                not (lmtp and any(each.endswith(":25") for each in self.bind)),  # RFC 2033 §5
                "lmtp must not be served on port 25",
            ),
        )
