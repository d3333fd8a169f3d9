"""Reads from a distribution's metadata which API it was written for, before anything is imported.

A plugin says so as every Python project does: `dependencies = ["thurn>=2,<3"]`. Without an upper
bound nobody knows whether it still fits; a plugin for another API would fail when it is imported,
or at the first message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

API_VERSION: Final = 2
"""The major version of the façade `thurn.plugin`. It is raised by changes that break plugins."""

HOST: Final = "thurn"
WANTED: Final = f"{HOST}>={API_VERSION},<{API_VERSION + 1}"
"""What a plugin for this API writes into its dependencies."""

_FAR_MAJOR: Final = 10**6
"""A major version that is excluded by every upper bound."""


def problem_of(requires: Sequence[str] | None) -> str:
    """What is wrong with a distribution's requirement of the host; "" if it admits only this API.

    Args:
        requires: the lines `Requires-Dist` of its metadata; None: there are none.
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
        except InvalidRequirement:  # not ours to judge: pip does
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            requirements.append(requirement)
    return requirements


def _majors(bounds: SpecifierSet) -> set[int]:
    """The major versions that the bounds admit, of this API, its neighbours and those at a
    bound."""
    candidates = {0, 1, API_VERSION - 1, API_VERSION, API_VERSION + 1, _FAR_MAJOR}
    for bound in bounds:
        try:
            major = Version(bound.version.removesuffix(".*")).major
        except InvalidVersion:
            continue
        candidates |= {max(0, major - 1), major, major + 1}
    return {major for major in candidates if _admits(bounds, major)}


def _admits(bounds: SpecifierSet, major: int) -> bool:
    """Whether any version of a major version is admitted: its first, its last, or one at a
    bound."""
    versions = [f"{major}", f"{major}.0.1", f"{major}.{_FAR_MAJOR}"]
    for bound in bounds:
        named = bound.version.removesuffix(".*")
        if named.partition(".")[0] == str(major):
            versions += [named, f"{named}.1"]
    return any(bounds.contains(version, prereleases=True) for version in versions)
