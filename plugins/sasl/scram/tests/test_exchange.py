"""The dialogue: the RFCs' examples, wrong proofs, channel binding, malformed messages."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn.plugin import (
    AccountId,
    NeedStoredKey,
    SaslConditions,
    SaslFailure,
    SaslSuccess,
    Secret,
    StoredKey,
    TemporaryFailure,
    Verified,
)
from thurn_sasl_scram.mechanism import ScramMechanism, make_nonce
from thurn_sasl_scram.storedkey import Faker
from thurn_testing.contracts.sasl import play, yes
from thurn_testing.scram import ScramClient, stored_text

BOUND = SaslConditions(secured=True, channel_bindings={"tls-server-end-point": b"certificate"})
UNBOUND = SaslConditions(secured=True)
SERVER = "server-part"


def mechanism(name="SCRAM-SHA-256", *, plus_offered=False, nonce=SERVER, faker=None):
    faker = faker or Faker(b"secret", 4096)
    return ScramMechanism(name, faker, plus_offered=plus_offered, make_nonce=lambda: nonce)


def stored(scheme="SCRAM-SHA-256", password="secret", **more):
    return StoredKey(AccountId("a1"), Secret(stored_text(scheme, password, **more)))


def start(scram, *responses, key=None, conditions=UNBOUND):
    return play(scram, responses, judge=yes, stored=key, conditions=conditions)


def log_in(scram, client, *, key, conditions=UNBOUND, change=lambda final: final):
    asked = start(scram, client.first, key=key, conditions=conditions)
    if asked.result is not None:
        return asked.result
    final = change(client.final(asked.challenges[1]))
    return start(scram, client.first, final, key=key, conditions=conditions).result


@pytest.mark.parametrize(
    ("name", "client_nonce", "server_nonce", "salt", "proof", "signature"),
    [
        # RFC 5802 §5
        (
            "SCRAM-SHA-1",
            b"fyko+d2lbbFgONRv9qkxdawL",
            "3rfcNHYJY1ZVvWVs7j",
            "QSXCR+Q6sek8bf92",
            b"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            b"rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ),
        # RFC 7677 §3
        (
            "SCRAM-SHA-256",
            b"rOprNGfwEbeRWgbNEkqO",
            "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            "W22ZaJ0SNY7soEsUEjb6gQ==",
            b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
    ],
)
def test_the_rfcs_examples(name, client_nonce, server_nonce, salt, proof, signature):
    text = stored_text(name, "pencil", salt=b64decode(salt), iterations=4096)
    key = StoredKey(AccountId("user"), Secret(text))
    scram = mechanism(name, nonce=server_nonce)
    nonce = client_nonce + server_nonce.encode()
    first = b"n,,n=user,r=" + client_nonce
    played = start(scram, first, b"c=biws,r=" + nonce + b",p=" + proof, key=key)
    assert played.challenges == [b"", b"r=" + nonce + b",s=" + salt.encode() + b",i=4096"]
    assert played.result == SaslSuccess(
        "user", data=b"v=" + signature, verdict=Verified(AccountId("user"))
    )


@pytest.mark.parametrize("name", ["SCRAM-SHA-256", "SCRAM-SHA-1"])
def test_a_client_logs_in_and_knows_the_server(name):
    client = ScramClient(name, "alice", "secret")
    result = log_in(mechanism(name), client, key=stored(name))
    assert isinstance(result, SaslSuccess)
    assert result.verdict == Verified(AccountId("a1"))
    assert client.is_server(result.data)
    assert not client.is_server(b"v=" + b64encode(b"x" * 32))


@pytest.mark.parametrize("name", ["alice", "a,b", "a=b", "=2C", "älice", "a=3Db"])
def test_escaped_names_are_read(name):
    client = ScramClient("SCRAM-SHA-256", name, "secret", authzid=f"{name}!")
    result = log_in(mechanism(), client, key=stored())
    assert (result.authcid, result.authzid) == (name, f"{name}!")


def test_a_name_is_prepared():
    client = ScramClient("SCRAM-SHA-256", "I\u00adX", "secret")
    assert log_in(mechanism(), client, key=stored()).authcid == "IX"


def test_wrong_password_and_unknown_name_end_alike():
    wrong = log_in(mechanism(), ScramClient("SCRAM-SHA-256", "alice", "wrong"), key=stored())
    unknown = log_in(mechanism(), ScramClient("SCRAM-SHA-256", "nobody", "secret"), key=None)
    assert wrong == unknown == SaslFailure("credentials")


def test_a_proof_from_the_fake_keys_is_refused():
    """The proof fits the fake's own keys, but no account has them."""

    class Open(Faker):
        def keys(self, name, scheme):
            made = super().keys(name, scheme)
            key = hashlib.sha256(b"client key").digest()
            return type(made)(made.salt, made.iterations, key, key, real=False)

    scram = mechanism(faker=Open(b"secret", 4096))
    client = ScramClient("SCRAM-SHA-256", "nobody", "x")
    challenge = start(scram, client.first).challenges[1]
    without_proof = b"c=biws,r=" + client.nonce.encode() + SERVER.encode()
    signed = b",".join((client.bare, challenge, without_proof))
    signature = hmac.digest(hashlib.sha256(b"client key").digest(), signed, "sha256")
    key = b"client key".ljust(32, b"\0")
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    final = without_proof + b",p=" + b64encode(proof)
    assert start(scram, client.first, final).result == SaslFailure("credentials")


def test_a_replayed_login_fails():
    client = ScramClient("SCRAM-SHA-256", "alice", "secret")
    asked = start(mechanism(), client.first, key=stored())
    final = client.final(asked.challenges[1])
    assert isinstance(start(mechanism(), client.first, final, key=stored()).result, SaslSuccess)
    again = start(mechanism(nonce="another"), client.first, final, key=stored()).result
    assert again == SaslFailure("the final message has another nonce", malformed=True)


@pytest.mark.parametrize("then", [None, stored(password="changed"), stored()])
def test_a_key_that_changed_meanwhile_proves_nothing(then):
    """A client may wait between its messages until the account is locked, has another password, or
    the name is another account's."""
    first_key, client = stored(), ScramClient("SCRAM-SHA-256", "alice", "secret")
    exchange = mechanism().begin(UNBOUND)
    next(exchange)
    exchange.send(client.first)
    asked = exchange.send(first_key)
    keys = []
    try:
        request = exchange.send(client.final(asked.data))
        while True:
            keys.append(request)
            request = exchange.send(then)
    except StopIteration as stop:
        result = stop.value
    assert [type(key) for key in keys] == [NeedStoredKey]
    same = then is not None and then.value.reveal() == first_key.value.reveal()
    assert isinstance(result, SaslSuccess) if same else result == SaslFailure("credentials")


def test_nonces_differ():
    assert len({make_nonce() for _ in range(100)}) == 100
    assert len(make_nonce()) == 32


# --- channel binding


def bound_client(**more):
    return ScramClient("SCRAM-SHA-256-PLUS", "alice", "secret", binding=b"certificate", **more)


def test_the_channel_is_bound():
    scram = mechanism("SCRAM-SHA-256-PLUS", plus_offered=True)
    result = log_in(scram, bound_client(), key=stored(), conditions=BOUND)
    assert isinstance(result, SaslSuccess)


def test_another_channel_fails():
    """An attacker in between shows another certificate."""
    scram = mechanism("SCRAM-SHA-256-PLUS", plus_offered=True)
    elsewhere = SaslConditions(True, {"tls-server-end-point": b"another certificate"})
    result = log_in(scram, bound_client(), key=stored(), conditions=elsewhere)
    assert result == SaslFailure("channel_binding.mismatch")
    none = log_in(scram, bound_client(), key=stored(), conditions=UNBOUND)
    assert none == SaslFailure("channel_binding.mismatch")


def test_a_binding_that_differs_from_the_first_message():
    client = ScramClient("SCRAM-SHA-256", "alice", "secret")
    client.gs2_header = b"y,,"
    scram = mechanism()
    challenge = start(scram, b"n,," + client.bare, key=stored()).challenges[1]
    final = client.final(challenge)
    result = start(scram, b"n,," + client.bare, final, key=stored()).result
    assert result == SaslFailure("channel_binding.mismatch")


def test_a_client_that_was_shown_no_plus():
    client = ScramClient("SCRAM-SHA-256", "alice", "secret", flag="y")
    lied_to = log_in(mechanism(plus_offered=True), client, key=stored(), conditions=BOUND)
    assert lied_to == SaslFailure("channel_binding.downgrade")
    for plus_offered, conditions in ((False, BOUND), (True, UNBOUND), (False, UNBOUND)):
        scram = mechanism(plus_offered=plus_offered)
        assert isinstance(log_in(scram, client, key=stored(), conditions=conditions), SaslSuccess)


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("SCRAM-SHA-256-PLUS", "n"), ("SCRAM-SHA-256-PLUS", "y"),
        ("SCRAM-SHA-256-PLUS", "p=tls-unique"), ("SCRAM-SHA-256-PLUS", "p=tls-exporter"),
        ("SCRAM-SHA-256", "p=tls-server-end-point"), ("SCRAM-SHA-256", "p=tls-unique"),
    ],
)  # fmt: skip
def test_flags_that_do_not_fit_the_mechanism(name, flag):
    client = ScramClient(name, "alice", "secret", flag=flag, binding=b"certificate")
    result = log_in(mechanism(name, plus_offered=True), client, key=stored(), conditions=BOUND)
    assert result.malformed


# --- malformed


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n",
        b"n,",
        b"n,,",
        b"n,,n=alice",
        b"n,,n=alice,",
        b"n,,n=alice,r=",
        b"n,,r=x,n=alice",
        b"n,,n=,r=x",
        b"n,,x=alice,r=x",
        b"n,,m=ext,n=alice,r=x",
        b"x,,n=alice,r=x",
        b",,n=alice,r=x",
        b"p=,,n=alice,r=x",
        b"p=a b,,n=alice,r=x",
        b"n,a=,n=alice,r=x",
        b"n,b=x,n=alice,r=x",
        b"n,alice,n=alice,r=x",
        b"n,,n=al=ice,r=x",
        b"n,,n=al=2cice,r=x",
        b"n,,n=alice=,r=x",
        b"n,,n=alice,r=a b",
        b"n,,n=alice,r=\xc3\xa9",
        b"n,,n=\xff,r=x",
        b"n,,n=al\0ice,r=x",
        b"n,,n=al\rice,r=x",
        b"n,,n=alice,r=x,",
        b"n,,n=alice,r=x,1=y",
        b"n,,n=alice,r=x,yy",
        b"n,,n=alice,r=x,y=",
        b"n,,n=\xc2\xad,r=x",
        b"n,,n=\xee\x80\x80,r=x",
        b"n,,n=" + b"a" * 1025 + b",r=x",
        b"n,,n=alice,r=" + b"x" * 1025,
        b"n,,n=alice,r=x" + b",a=b" * 40,
        b"n,a=" + b"a" * 1025 + b",n=alice,r=x",
        b"n" * 10_000,
        b"N,,n=alice,r=x",
        b"n,, n=alice,r=x",
        b"n,,n=alice,r=x\n",
        b"n,,n=" + "\u0627a".encode() + b",r=x",
    ],
)
def test_malformed_first_messages(first):
    played = start(mechanism(), first, b"whatever", key=stored())
    assert played.result.malformed
    assert len(played.challenges) == 1  # no salt is sent


GOOD = b"c=biws,r=cs,p=" + b64encode(b"x" * 32)


@pytest.mark.parametrize(
    "final",
    [
        b"",
        b"c=biws",
        b"c=biws,r=cs",
        b"c=biws,r=cs,",
        b"c=biws,r=cs,p=",
        b"c=biws,r=cs,p=AAAA",
        GOOD[:-1],
        GOOD + b"=",
        GOOD + b",",
        GOOD.replace(b"c=biws", b"c=bi ws"),
        GOOD.replace(b"c=biws", b"c=biwt="),
        GOOD.replace(b"c=", b""),
        GOOD.replace(b"r=cs", b"r=cS"),
        GOOD.replace(b"r=cs", b"r=c"),
        GOOD.replace(b"r=cs", b"r=css"),
        GOOD + b"\0",
        GOOD + b"\xff",
        GOOD.replace(b",r=cs", b",m=x,r=cs"),
        GOOD.replace(b",p=", b",1=x,p="),
        b"r=cs," + GOOD,
        GOOD.replace(b"c=biws", b"c=biw"),
        b"c=" + b"A" * 9000,
        GOOD.replace(b"p=", b"v="),
        GOOD.replace(b",p=", b",xx,p="),
        b"c=biws,r=cs,p=" + b64encode(b"x" * 31),
        b"c=biws,r=cs,p=" + b64encode(b"x" * 33),
        b"c=biws,r=cs,p=" + "ä".encode(),
    ],
)
def test_malformed_final_messages(final):
    result = start(mechanism(nonce="s"), b"n,,n=alice,r=c", final, key=stored()).result
    assert result.malformed
    # The form is checked before the proof, so the same happens for an unknown name.
    assert start(mechanism(nonce="s"), b"n,,n=alice,r=c", final).result == result


def test_the_proof_of_a_well_formed_message_is_checked():
    assert start(mechanism(nonce="s"), b"n,,n=alice,r=c", GOOD, key=stored()).result == SaslFailure(
        "credentials"
    )
    extended = GOOD.replace(b",p=", b",x=y,p=")
    first = b"n,,n=alice,r=c,z=any"
    assert not start(mechanism(nonce="s"), first, extended, key=stored()).result.malformed


def test_extensions_are_signed_and_ignored():
    client = ScramClient("SCRAM-SHA-256", "alice", "secret")
    client.bare += b",x=optional"
    assert isinstance(log_in(mechanism(), client, key=stored()), SaslSuccess)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "{SHA256}x",
        stored_text("SCRAM-SHA-1", "secret"),
        "SCRAM-SHA-256$0:AAAA$AAAA:AAAA",
        "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA",
        "SCRAM-SHA-256$4096:A$AAAA:AAAA",
        stored_text("SCRAM-SHA-256", "secret") + "\n",
    ],
)
def test_a_broken_stored_key_is_an_internal_failure(text):
    with pytest.raises(TemporaryFailure) as caught:
        start(mechanism(), b"n,,n=alice,r=c", key=StoredKey(AccountId("a1"), Secret(text)))
    assert not text or text not in str(caught.value)


@pytest.mark.slow
def test_any_octets():
    scram, key = mechanism(nonce="s"), stored()
    piece = st.sampled_from([b"n", b",", b"n=a", b"r=", b"c", b"=", b"a=", b"p=", b"\xff", b"=2C"])
    message = st.lists(piece | st.binary(max_size=8), max_size=12).map(b"".join)

    @settings(max_examples=200, deadline=None)
    @given(message, message)
    def holds(first, final):
        for responses in ((first, final), (b"n,,n=alice,r=c", final)):
            result = start(scram, *responses, key=key).result
            assert result is None or isinstance(result, SaslFailure)

    holds()
