"""All extensions of this distribution; `shipped()` makes a registry of them."""

from __future__ import annotations

from typing import Final

from thurn_sieve.ext.asciinumeric.extension import EXTENSION as ASCII_NUMERIC
from thurn_sieve.ext.body.extension import EXTENSIONS as BODY
from thurn_sieve.ext.copy.extension import EXTENSION as COPY
from thurn_sieve.ext.date.extension import EXTENSIONS as DATE
from thurn_sieve.ext.duplicate.extension import EXTENSIONS as DUPLICATE
from thurn_sieve.ext.editheader.extension import EXTENSIONS as EDITHEADER
from thurn_sieve.ext.encodedcharacter.extension import EXTENSION as ENCODED_CHARACTER
from thurn_sieve.ext.envelope.extension import EXTENSION as ENVELOPE
from thurn_sieve.ext.environment.extension import EXTENSION as ENVIRONMENT
from thurn_sieve.ext.fileinto.extension import EXTENSION as FILEINTO
from thurn_sieve.ext.ihave.extension import EXTENSION as IHAVE
from thurn_sieve.ext.imap4flags.extension import EXTENSIONS as IMAP4FLAGS
from thurn_sieve.ext.include.extension import EXTENSION as INCLUDE
from thurn_sieve.ext.index.extension import EXTENSIONS as INDEX
from thurn_sieve.ext.mailbox.extension import EXTENSIONS as MAILBOX
from thurn_sieve.ext.reject.extension import EREJECT, REJECT
from thurn_sieve.ext.relational.extension import EXTENSION as RELATIONAL
from thurn_sieve.ext.subaddress.extension import EXTENSION as SUBADDRESS
from thurn_sieve.ext.vacation.extension import EXTENSIONS as VACATION
from thurn_sieve.ext.variables.extension import EXTENSION as VARIABLES
from thurn_sieve.registry import Extension, Registry
from thurn_sieve.standard.extension import COMPARATOR_NAMES, STANDARD

EXTENSIONS: Final[tuple[Extension, ...]] = (
    FILEINTO,
    REJECT,
    EREJECT,
    ENVELOPE,
    ENCODED_CHARACTER,
    COPY,
    SUBADDRESS,
    RELATIONAL,
    ASCII_NUMERIC,
    VARIABLES,
    INCLUDE,
    IHAVE,
    ENVIRONMENT,
    *IMAP4FLAGS,
    *VACATION,
    *DATE,
    *INDEX,
    *BODY,
    *MAILBOX,
    *DUPLICATE,
    *EDITHEADER,
)


def shipped() -> Registry:
    """A new registry of RFC 5228 and all extensions here; more can be added to it."""
    return Registry((STANDARD, *COMPARATOR_NAMES, *EXTENSIONS))
