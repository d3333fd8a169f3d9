"""Every bound of the language, in one table; no value means "unlimited".

A script that is over a bound does not compile; a run that goes over one ends with a run-time error
and the implicit keep (RFC 5228 §2.10.6). Where the text is cut or ignored instead, the bound says
so. The bounds of one extension (the size of an answer, of a flag) are beside its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VARIABLE_NAME_CHARACTERS: Final = 64
"""Characters of a variable's name, or of each part of one with dots; RFC 5229 §6 asks for 32. It
belongs to the grammar, so it is the same for every engine."""

MATCH_VALUES: Final = 32
"""The highest number of a match variable: `${0}` to `${32}` are kept, a higher number does not
compile. RFC 5229 §6 asks for `${9}`. It is the same for every engine."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one engine.

    Attributes:
        source_octets: octets of a script in UTF-8; scripts written by hand stay under 20 kB.
        nesting: levels of blocks, and levels of tests; RFC 5228 §2.10.7 asks for 15.
        nodes: commands and tests of one script; this bounds the memory of a compiled script.
        list_items: strings of one string list in the source; this bounds its memory too.
        diagnostics: errors that one compilation collects before it stops; nobody reads more.
        number: the largest number; RFC 5228 §2.4.1 asks for 31 bits.
        steps: the cost of one run. Each command is a step, each comparison of a value with a key
            is one, and every 512 characters compared are one more; patterns, addresses, HTML and
            edits of the message cost what they take.
        actions: actions of one result; Pigeonhole has the same default.
        edited_octets: octets of all versions of an edited message that one result holds, each
            version counted once; enough for five versions of 50 MiB, the largest message that
            sites usually accept.
        redirects: redirects of one result; a script with more is a mail exploder (RFC 5228 §10).
        variable_characters: characters of a variable's value; a longer value is cut. RFC 5229 §6
            asks for 4,000.
        variables: variables of one script, and global variables of one run; RFC 5229 §6 asks for
            128.
        variables_characters: characters of the values of all variables that one run holds,
            including those of scripts that wait for an included one; four times what 128 variables
            of 4,000 characters need.
        string_characters: characters of a string after its variables are put in.
        include_depth: levels of included scripts below the script that runs.
        includes: scripts included in one run; each inclusion counts.
        errors: errors that one result keeps, and warnings; later ones are dropped.
        trace: lines that one trace keeps; later ones are dropped.
    """

    source_octets: int = 1_048_576
    nesting: int = 32
    nodes: int = 20_000
    list_items: int = 10_000
    diagnostics: int = 20
    number: int = 2**63 - 1
    steps: int = 100_000
    actions: int = 32
    edited_octets: int = 268_435_456
    redirects: int = 4
    variable_characters: int = 65_536
    variables: int = 256
    variables_characters: int = 2_097_152
    string_characters: int = 1_048_576
    include_depth: int = 10
    includes: int = 64
    errors: int = 50
    trace: int = 10_000
