"""Unknown names cannot be distinguished from known ones."""

from __future__ import annotations

import stat

import pytest
from thurn.plugin import ConfigError
from thurn_sasl_scram.factory import ScramSettings, keep_secret, scram
from thurn_sasl_scram.storedkey import SALT_OCTETS, Faker
from thurn_testing.contracts.sasl import play, yes
from thurn_testing.fakes.context import FakeContext

FAKER = Faker(b"secret", 4096, frozenset({"example.org"}))


async def challenge(directory, name, **settings):
    async with scram.open(ScramSettings(**settings), FakeContext(directory)) as product:
        first = f"n,,n={name},r=c".encode()
        asked = play(product.mechanisms[0], (first,), judge=yes).challenges[1].decode()
    return asked.split(",")[1:]


async def test_fake_salts_are_stable_over_starts_and_differ_by_site(tmp_path):
    one = await challenge(tmp_path / "one", "nobody")
    assert await challenge(tmp_path / "one", "nobody") == one
    assert await challenge(tmp_path / "one", "nobody", iterations=4096) == [one[0], "i=4096"]
    assert await challenge(tmp_path / "two", "nobody") != one
    assert await challenge(tmp_path / "one", "somebody") != one


def test_a_fake_looks_like_a_real_key():
    keys = FAKER.keys("nobody", "SCRAM-SHA-256")
    assert (len(keys.salt), keys.iterations, len(keys.stored_key)) == (SALT_OCTETS, 4096, 32)
    other = FAKER.keys("nobody", "SCRAM-SHA-1")
    assert len(other.stored_key) == 20
    assert other.salt != keys.salt
    assert not keys.real
    assert "secret" not in repr(FAKER)
    assert repr(keys.stored_key) not in repr(keys)


@pytest.mark.parametrize("name", ["NOBODY", "Nobody@example.org", "nobody@EXAMPLE.ORG."])
def test_spellings_of_one_name_have_the_same_salt(name):
    expected = FAKER.keys("nobody", "SCRAM-SHA-256")
    assert FAKER.keys(name, "SCRAM-SHA-256") == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x@bücher.example", "x@xn--bcher-kva.example"),
        ("x@BÜCHER.example.", "X@bücher.example"),
        ('"nobody"@example.org', "nobody"),
        ('"nobody"@example.net', "nobody@example.net"),
    ],
)
def test_forms_of_one_address_have_the_same_salt(one, other):
    scheme = "SCRAM-SHA-256"
    assert FAKER.keys(one, scheme) == FAKER.keys(other, scheme)


@pytest.mark.parametrize("name", ["nobody@example.net", "nobody2", "@example.org", "nobody@"])
def test_other_names_have_other_salts(name):
    expected = FAKER.keys("nobody", "SCRAM-SHA-256")
    assert FAKER.keys(name, "SCRAM-SHA-256") != expected


def test_the_secret_is_kept_and_private(tmp_path):
    secret = keep_secret(tmp_path)
    assert len(secret) == 32
    assert keep_secret(tmp_path) == secret
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


async def test_a_damaged_secret_and_a_wrong_domain(tmp_path):
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(ConfigError, match="damaged"):
        keep_secret(tmp_path)
    with pytest.raises(ConfigError, match=r"test\.toml"):
        async with scram.open(ScramSettings(domains=["a b"]), FakeContext(tmp_path / "x")):
            pass
