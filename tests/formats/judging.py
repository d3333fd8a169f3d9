"""What differs between the facts that expected.json states and those that were found today.

Rules of this file:
1. What was there is there, by the same name: of a record, every expected key with its value. A
   later version may tell more about a thing (a new key), but there may be no more things: no
   mailbox, message, entry or grant that nobody made.
2. Numbers that only promise not to be given again (UIDNEXT, HIGHESTMODSEQ) may be larger: after an
   unclean boot a store may step over numbers that it may have told.
3. What ends by time is demanded until it ends and refused afterwards, by the clock of this machine.
4. Names of the site's file are those of then. Whoever renames a setting gives the old name an alias
   and says so in `RENAMED`; the value must be what it was.
5. A default that was changed on purpose stands in `DEFAULTS`; what a file says itself stays.
"""

from __future__ import annotations

from datetime import datetime, timedelta

AT_LEAST = frozenset({"uidnext", "highestmodseq"})
UNSTEADY = frozenset({"last_used", "remaining_seconds", "until"})
"""What every look changes; `until` is judged with the grant that it belongs to."""
COLLECTIONS = (
    ("accounts",), ("mailboxes",), ("mailboxes", "*"), ("mailboxes", "*", "*", "messages"),
    ("maildrops",), ("maildrops", "*"), ("queues",), ("queues", "*"),
    ("stores",), ("stores", "*"), ("stores", "*", "*", "mailboxes"),
    ("stores", "*", "*", "mailboxes", "*", "annotations"), ("stores", "*", "*", "annotations"),
    ("stores", "*", "*", "documents"), ("stores", "*", "*", "documents", "*"),
    ("queues", "*", "*", "parameters"), ("queues", "*", "*", "recipients", "*", "parameters"),
    ("journal",), ("scripts",), ("active_scripts",),
)  # fmt: skip
"""Where the keys are things and not the properties of one."""
HISTORIES = frozenset({"changes", "login_history"})
"""Looking adds to them; what was there stays, in its order."""
DEFAULTS = {"connections_per_address": {50: 200}, "login_idle": {120.0: 180.0}}
"""Settings whose defaults were changed: the default of then → today's. The site's file of a format
never writes the default of then."""
RENAMED: dict[tuple[str, str], str] = {}
"""(section, name in the file of then) → what `thurn config show --json` calls it today."""
CERTIFICATE_LIFE = timedelta(days=3650 - 30)
"""`tls.selfsigned` makes another when less than 30 days of its ten years are left."""
SLACK_SECONDS = 120


def differences(expected, found, now):
    """In words, one for each; none when everything is found.

    Args:
        expected: the document of a format.
        found: the facts of `facts.collect`.
        now: POSIX seconds.
    """
    facts, made_at = expected["facts"], expected["made"]["at"]
    for section in sorted({*facts, *found}):
        if section not in found or section not in facts:
            yield f"{section}: only {'expected' if section in facts else 'found'}"
        elif section == "grants":
            yield from _grants(facts[section], found[section], now, made_at)
        elif section == "certificate":
            if now - made_at < CERTIFICATE_LIFE.total_seconds():
                yield from _compared(facts[section], found[section], (section,))
        elif section == "settings":
            yield from _compared(
                _as_today(facts[section], found[section]), found[section], (section,)
            )
        elif section == "queues":
            yield from _compared(_due(facts[section], now), found[section], (section,))
        elif section in HISTORIES:
            yield from _continued(facts[section], found[section], section)
        else:
            yield from _compared(facts[section], found[section], (section,))


def _compared(expected, found, place):
    name = place[-1]
    if name in UNSTEADY:
        return
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in expected.keys() - found.keys():
            yield f"{_shown(place)}: {key!r} is missing"
        if any(_matches(place, one) for one in COLLECTIONS):
            for key in found.keys() - expected.keys():
                yield f"{_shown(place)}: {key!r} is there and was not"
        for key in expected.keys() & found.keys():
            yield from _compared(expected[key], found[key], (*place, key))
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{_shown(place)}: {expected!r} became {found!r}"
        else:
            for number, pair in enumerate(zip(expected, found, strict=True)):
                yield from _compared(*pair, (*place, str(number)))
    elif name in AT_LEAST and isinstance(found, int):
        if found < expected:
            yield f"{_shown(place)}: {expected} became {found}, which is less"
    elif expected != found:
        yield f"{_shown(place)}: {expected!r} became {found!r}"


def _matches(place, pattern):
    return len(place) == len(pattern) and all(
        wanted in {"*", word} for word, wanted in zip(place, pattern, strict=True)
    )


def _shown(place):
    return " / ".join(place)


def _as_today(settings, found):
    """The settings with today's names, and with a changed default where that is what was found."""
    today = {}
    for section, values in settings.items():
        named = {RENAMED.get((section, name), name): value for name, value in values.items()}
        for name in named.keys() & DEFAULTS.keys():
            default = DEFAULTS[name].get(named[name])
            if default is not None and found.get(section, {}).get(name) == default:
                named[name] = default
        today[section] = named
    return today


def _due(queues, now):
    """The queues without what can be read only of entries that are due."""
    hidden = {"sha256", "destination"}
    return {
        queue: {
            identifier: {
                key: value
                for key, value in entry.items()
                if key not in hidden or (entry["retry_at"] or 0) <= now
            }
            for identifier, entry in entries.items()
        }
        for queue, entries in queues.items()
    }


def _continued(expected, found, section):
    """Every line that was there, in its order, among those of today."""
    start = 0
    for line in expected:
        same = (
            number
            for number in range(start, len(found))
            if not [*_compared(line, found[number], (section,))]
        )
        number = next(same, None)
        if number is None:
            yield f"{section}: {line!r} is missing, or in another order"
        else:
            start = number + 1


def _grants(expected, found, now, made_at):
    """Who may send: what has not ended is there with its end; the rest was granted since."""
    left = list(found)
    for grant in expected:
        same = [one for one in left if not [*_compared(_identity(grant), one, ("grants",))]]
        ends_in = _seconds(grant["until"]) - now
        if same and ends_in < -SLACK_SECONDS and grant["granted_by"] != "relay.office":
            yield f"grants: {grant!r} has ended and is there"
        elif not same and ends_in > SLACK_SECONDS:
            yield f"grants: {grant!r} is missing"
        elif same and now >= made_at and grant["granted_by"] != "relay.office":
            away = _seconds(same[0]["until"]) - _seconds(grant["until"])
            if abs(away) > SLACK_SECONDS:
                yield f"grants: {grant!r} ends {away} s later than it did"
        left = [one for one in left if one not in same]
    for grant in left:
        if _seconds(grant["granted_at"]) < made_at:
            yield f"grants: {grant!r} is there and was not"


def _identity(grant):
    """What says which grant it is; one of the configuration is granted anew at each start."""
    keys = ("source", "peer", "account", "destinations", "reason", "granted_by")
    more = () if grant["granted_by"] == "relay.office" else ("granted_at",)
    return {key: grant[key] for key in (*keys, *more)}


def _seconds(text):
    return datetime.fromisoformat(text).timestamp()
