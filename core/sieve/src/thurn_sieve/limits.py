"""Every bound of the engine, in one table; none of them means "unlimited".

Past a bound of the source there is a diagnostic, past one at run time a run-time error with the
keep in force (RFC 5228 §2.10.6).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one engine allows.

    Attributes:
        source_octets: size of a script; hand-written ones stay under 20 kB.
        nesting: levels of blocks and of tests, each; RFC 5228 §2.10.7 asks for 15.
        nodes: commands and tests of one script; bounds the memory of a compiled script.
        list_items: strings of one list.
        diagnostics: errors that one compilation collects; nobody reads more.
        number: the greatest number; RFC 5228 §2.4.1 asks for 31 bits.
        steps: what one run may cost: a command or test is 1, every 512 octets compared are 1; what
            is dearer (patterns, addresses, HTML, edits) by what it takes.
        actions: actions of one result; Pigeonhole's default is 32.
        edited_octets: of all versions of an edited message that one result holds, each counted
            once; five of the largest that sites take.
        redirects: redirects of one result; more is a mail exploder (RFC 5228 §10).
        variable_octets: characters that a variable keeps, the rest is cut; RFC 5229 §3 asks for
            4,000.
        variables: variables of one scope; RFC 5229 §3 asks for 128.
        variables_octets: characters that all variables of a run keep together, those of the
            scripts that are including too; 128 of 4,000 are a quarter of it.
        variable_name: characters of a variable's name; RFC 5229 §3 asks for 32.
        match_values: match variables kept; RFC 5229 §3.2 asks for ${0} to ${9}.
        string_octets: characters of a string after expansion.
        include_depth: levels of include.
        includes: scripts included in one run, each counted each time.
        errors: errors and warnings that one result keeps.
        trace: lines of a trace.
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
    variable_octets: int = 65_536
    variables: int = 256
    variables_octets: int = 2_097_152
    variable_name: int = 64
    match_values: int = 32
    string_octets: int = 1_048_576
    include_depth: int = 10
    includes: int = 64
    errors: int = 50
    trace: int = 10_000
