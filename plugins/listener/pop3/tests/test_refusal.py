"""Errors and refusals become response codes; every error of a store has one."""

from __future__ import annotations

import pytest
from thurn.plugin import (
    UNKNOWN_ACCOUNT,
    MessageExpunged,
    PermanentFailure,
    PluginError,
    Refused,
    Status,
    StorageError,
    TemporaryFailure,
)
from thurn.types.status import BAD_CREDENTIALS, ENCRYPTION_REQUIRED, LOGIN_TROUBLE
from thurn_listener_pop3.refusal import CODES, code_of, code_of_login
from thurn_wire.pop3.reply import ResponseCode

TEMPORARY, PERMANENT = ResponseCode.SYSTEM_TEMPORARY, ResponseCode.SYSTEM_PERMANENT


def test_every_error_of_a_store_is_in_the_table():
    assert set(CODES) == set(StorageError.__subclasses__())


def test_what_a_status_calls_temporary_is_never_permanent():
    assert not [e for e, code in CODES.items() if e.status.is_temporary and code is PERMANENT]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MessageExpunged(), None),
        (TemporaryFailure("x"), TEMPORARY),
        (PermanentFailure("x", UNKNOWN_ACCOUNT), PERMANENT),
        (PluginError("x"), TEMPORARY),
        (StorageError("x"), TEMPORARY),
    ],
    ids=repr,
)
def test_code_of(error, code):
    assert code_of(error) is code


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (BAD_CREDENTIALS, ResponseCode.AUTHENTICATION),
        (ENCRYPTION_REQUIRED, ResponseCode.AUTHENTICATION),
        (UNKNOWN_ACCOUNT, ResponseCode.AUTHENTICATION),
        (LOGIN_TROUBLE, TEMPORARY),
        (Status(421, "4.7.0", "later"), TEMPORARY),
        (Status(501, "5.5.2", "malformed"), None),
        (Status(504, "5.5.4", "unknown mechanism"), None),
    ],
    ids=str,
)
def test_code_of_login(status, code):
    assert code_of_login(Refused(status, "x")) is code
