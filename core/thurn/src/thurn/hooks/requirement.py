"""Reads from a distribution's metadata which API it was written for, before anything is imported.

A plugin says so as every Python project does: `dependencies = ["thurn>=2,<3"]`. Without an upper
bound nobody can tell whether it still fits; with another one it would fail at its first import, or
at the first message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

API_VERSION: Final = 2
"""The major version of the façade `thurn.plugin`; a change of it breaks plugins."""

HOST: Final = "thurn"
WANTED: Final = f"{HOST}>={API_VERSION},<{API_VERSION + 1}"
"""What a plugin of this API writes into its dependencies."""

_FAR_MAJOR: Final = 10**6
"""A major version that an upper bound excludes, whatever it is."""


def problem_of(requires: Sequence[str] | None) -> str:
    """What is wrong with the bound of a distribution on the host; "" if it admits this API alone.

    Args:
        requires: the lines `Requires-Dist` of its metadata; None: it has none.
    """
    bounds = SpecifierSet()
    named = False
    for requirement in _requirements(requires):
        if canonicalize_name(requirement.name) == HOST:
            bounds, named = bounds & requirement.specifier, True
    if not named:
        return f'its dependencies do not name {HOST}: write "{WANTED}" there'
    admitted = sorted(_majors(bounds) - {API_VERSION})
    if not _admits(bounds, API_VERSION):
        return (
            f'it needs {HOST}{bounds}, and this is API {API_VERSION}: get a version with "{WANTED}"'
        )
    if _FAR_MAJOR in admitted:
        return f'its bound {HOST}{bounds} has no upper end: write "{WANTED}"'
    if admitted:
        return f'its bound {HOST}{bounds} admits API {admitted[0]}, too: write "{WANTED}"'
    return ""


def requirement_names(requires: Sequence[str] | None) -> list[str]:
    """The names of the distributions that a distribution needs."""
    return [canonicalize_name(one.name) for one in _requirements(requires)]


def _requirements(requires: Sequence[str] | None) -> list[Requirement]:
    """The requirements that hold here, without those of extras."""
    requirements: list[Requirement] = []
    for line in requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:  # of something else: pip judges it
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            requirements.append(requirement)
    return requirements


def _majors(bounds: SpecifierSet) -> set[int]:
    """The major versions that are admitted, as far as the bounds speak of them."""
    spoken_of = {0, 1, API_VERSION - 1, API_VERSION, API_VERSION + 1, _FAR_MAJOR}
    for bound in bounds:
        try:
            major = Version(bound.version.removesuffix(".*")).major
        except InvalidVersion:
            continue
        spoken_of |= {max(0, major - 1), major, major + 1}
    return {major for major in spoken_of if _admits(bounds, major)}


def _admits(bounds: SpecifierSet, major: int) -> bool:
    """Whether any version of a major is admitted: its first, its last, or one that is named."""
    versions = [f"{major}", f"{major}.0.1", f"{major}.{_FAR_MAJOR}"]
    for bound in bounds:
        named = bound.version.removesuffix(".*")
        if named.partition(".")[0] == str(major):
            versions += [named, f"{named}.1"]
    return any(bounds.contains(version, prereleases=True) for version in versions)
