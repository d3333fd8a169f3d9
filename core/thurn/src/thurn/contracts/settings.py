"""The base of every plugin's configuration, and the types of its values.

A plugin derives a model from `Settings`; each field has a description, and unknown keys are errors.
The host loads it, so a plugin receives a checked object that does not change.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
)
from pydantic_core import CoreSchema, core_schema

_DURATION: Final = re.compile(r"(\d{1,12})(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE: Final = re.compile(r"(\d{1,15}) ?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)?")
_OCTETS: Final = {
    "B": 1,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}


def _duration(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever TOML had
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if match is None:
            raise ValueError('a duration is a number with a unit, such as "30s", "5m", "2h", "7d"')
        return int(match[1]) * _SECONDS[match[2]]
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f'write the unit: "{value}s"')  # noqa: TRY004 - pydantic wants ValueError
    return value


def _size(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match is None:
            raise ValueError('a size is a number with a unit, such as "64KiB" or "25MiB"')
        return int(match[1]) * _OCTETS[match[2] or "B"]
    return value


def written_duration(seconds: float) -> str:
    """Seconds as a configuration writes them: in the largest unit that divides them."""
    milliseconds = round(seconds * 1000)
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(milliseconds, round(_SECONDS[unit] * 1000))
        if count and not rest:
            return f"{count}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


Duration: TypeAlias = Annotated[
    float,
    BeforeValidator(_duration, json_schema_input_type=str),
    Field(ge=0),
    PlainSerializer(written_duration, return_type=str, when_used="json"),
]
"""Seconds; written "30s", "5m", "2h", "7d" in TOML. A default is given in seconds."""


def written_size(octets: int) -> str:
    """Octets as a configuration writes them: in the largest binary unit that divides them."""
    units = (unit for unit in ("TiB", "GiB", "MiB", "KiB") if octets and not octets % _OCTETS[unit])
    unit = next(units, "B")
    return f"{octets // _OCTETS[unit]}{unit}"


Size: TypeAlias = Annotated[
    int,
    BeforeValidator(_size, json_schema_input_type=str | int),
    Field(ge=0),
    PlainSerializer(written_size, return_type=str, when_used="json"),
]
"""Octets; written "64KiB", "25MiB" in TOML. 0 never means unlimited."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Marks a field that names an instance of a role: `store: Annotated[str, Ref("store")]`.

    The host opens that instance first, and `context.require` returns it.
    """

    role: str


TlsRef: TypeAlias = Annotated[str, Ref("tls")]
PolicyRef: TypeAlias = Annotated[str, Ref("policy")]
SaslRef: TypeAlias = Annotated[str, Ref("sasl")]
AccountRef: TypeAlias = Annotated[str, Ref("account")]
LoginRef: TypeAlias = Annotated[str, Ref("login")]
RelayRef: TypeAlias = Annotated[str, Ref("relay")]
FilterRef: TypeAlias = Annotated[str, Ref("filter")]
DeliveryRef: TypeAlias = Annotated[str, Ref("delivery")]
GuardRef: TypeAlias = Annotated[str, Ref("guard")]
OutgoingRef: TypeAlias = Annotated[str, Ref("outgoing")]
QueueRef: TypeAlias = Annotated[str, Ref("queue")]
StoreRef: TypeAlias = Annotated[str, Ref("store")]
StateRef: TypeAlias = Annotated[str, Ref("state")]
ResolverRef: TypeAlias = Annotated[str, Ref("resolver")]


class PlacedText(str):
    """A text of a configuration, with the directory of the file that it stands in.

    Attributes:
        base: where relative paths start.
    """

    __slots__ = ("base",)

    base: Path

    @classmethod
    def at(cls, text: str, base: Path) -> PlacedText:
        """The text, in a file of this directory."""
        placed = cls(text)
        placed.base = base
        return placed


def _from_file(value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - whatever TOML had
    base = _base_of(value, info)
    return value if base is None or not isinstance(value, str) else base / Path(value).expanduser()


def _base_of(value: Any, info: ValidationInfo) -> Path | None:  # noqa: ANN401
    if isinstance(value, PlacedText):
        return value.base
    base: Path | None = (info.context or {}).get("base")
    return base


SitePath: TypeAlias = Annotated[Path, BeforeValidator(_from_file, json_schema_input_type=str)]
"""A path; a relative one starts at the directory of the configuration file that it stands in."""


class Secret:
    """A secret value; its repr and str do not show it. Written `{file = …}`, `{env = …}` or
    `{credential = …}` in TOML, never inline.

    Attributes:
        source: that table, if the secret comes from a configuration: where the value is.
    """

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: Mapping[str, str] | None = None) -> None:
        self._value = value
        self.source = {} if source is None else dict(source)

    def reveal(self) -> str:
        """The value. Do not keep it longer than it is used."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:  # noqa: ANN401
        def resolve(value: Any, info: ValidationInfo) -> Secret:  # noqa: ANN401
            if isinstance(value, Secret):
                return value
            named = value.get("file") if isinstance(value, dict) else None
            return SecretSource.model_validate(value).resolve(_base_of(named, info))

        written = core_schema.plain_serializer_function_ser_schema(
            lambda secret: secret.source, when_used="json"
        )
        return core_schema.with_info_plain_validator_function(resolve, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:  # noqa: ANN401
        return SecretSource.model_json_schema()


class SecretSource(BaseModel):
    """Where a secret comes from; exactly one of the three."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path | None = Field(default=None, description="A file that only its owner can read.")
    env: str | None = Field(default=None, description="An environment variable.")
    credential: str | None = Field(default=None, description="A systemd credential's name.")

    def resolve(self, base: Path | None = None) -> Secret:
        """Read the secret.

        Raises:
            ValueError: there is not exactly one source, it cannot be read, or everybody can read
                it.
        """
        given = [name for name in ("file", "env", "credential") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError('a secret is one of {file = "…"}, {env = "…"}, {credential = "…"}')
        if self.env is not None:
            value = os.environ.get(self.env)
            if value is None:
                raise ValueError(f"the environment has no {self.env}")
            return Secret(value, {"env": self.env})
        if self.credential is not None:
            directory = os.environ.get("CREDENTIALS_DIRECTORY")
            if directory is None:
                raise ValueError("no CREDENTIALS_DIRECTORY: not started with credentials")
            secret = _read_secret(Path(directory) / self.credential)
            return Secret(secret, {"credential": self.credential})
        path = self.file if self.file is not None else Path()
        path = base / path if base is not None else path
        return Secret(_read_secret(path), {"file": str(path)})


def _read_secret(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o007:
            raise ValueError(f"{path} can be read by everybody: chmod 600 it")
        return path.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


class Settings(BaseModel):
    """Base model: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @property
    def needs_state(self) -> bool:
        """Whether the instance cannot open on a site without shared state (`[site] state`)."""
        return False

    @property
    def needs_resolver(self) -> bool:
        """Whether the instance cannot work on a site without a resolver (`[site] resolver`)."""
        return False

    def findings(self, directory: Path) -> Sequence[str]:
        """What would keep the instance from opening, for `thurn check`.

        Called with the rights of the account that serves. It may read the files that the settings
        name and those in the instance's own directory; it writes none and never raises.
        """
        return ()

    def warnings(self, directory: Path) -> Sequence[str]:
        """What works but is perhaps not meant, for `thurn check`, with the same rules as
        `findings`."""
        return ()


class NoSettings(Settings):
    """For plugins that have nothing to set."""
