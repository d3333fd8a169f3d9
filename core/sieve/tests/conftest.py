"""Collects `*.svtest`: tests written in Sieve, which `thurn_sieve.testsuite` runs."""

from __future__ import annotations

import pytest
import trio
from thurn_sieve.engine import Engine
from thurn_sieve.ext.extensions import shipped
from thurn_sieve.testsuite.suite import list_tests, run_suite


@pytest.fixture
def engine():
    """An engine with all shipped extensions."""
    return Engine(shipped())


def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".svtest":
        return SieveFile.from_parent(parent, path=file_path)
    return None


class SieveFile(pytest.File):
    """One file of tests; it runs once, when its first test is run."""

    suite = None

    def collect(self):
        names = list_tests(self.path.read_bytes())
        assert names, f"{self.path}: no tests"
        for name in names:
            yield SieveTest.from_parent(self, name=name)

    def outcome(self):
        if self.suite is None:
            source = self.path.read_bytes()
            self.suite = trio.run(lambda: run_suite(source, name=self.path.name))
        return self.suite


class SieveFailed(Exception):
    pass


class SieveTest(pytest.Item):
    """One `test` of a file."""

    obj = None  # pytest-trio looks at it

    def runtest(self):
        suite = self.parent.outcome()
        if self.name in suite.failures:
            raise SieveFailed(suite.failures[self.name])
        if self.name not in suite.ran:
            raise SieveFailed(suite.failures.get("", "it did not run"))

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, SieveFailed):
            return f"{self.path.name}: {self.name}: {excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, self.name
