"""Numbers of an RSA key: what fits is accepted, and every change of one is found."""

from __future__ import annotations

import base64

import pytest
from cryptography.exceptions import InternalError
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from signer.credential import Credential
from signer.errors import CredentialError, KeyMaterialError
from signer.keys import PrivateKey
from signer.rsa_numbers import RsaNumbers, consistent

PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OWN = PRIVATE.private_numbers()
GENUINE = RsaNumbers(
    OWN.public_numbers.n, OWN.public_numbers.e, OWN.d, OWN.p, OWN.q, OWN.dmp1, OWN.dmq1, OWN.iqmp
)
FIELDS = RsaNumbers._fields


def changed(field: str, value: int) -> RsaNumbers:
    return GENUINE._replace(**{field: value})


def tagged(tag: int, content: bytes) -> bytes:
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return (
        bytes([tag]) + (size if len(content) < 0x80 else bytes([0x80 + len(size)]) + size) + content
    )


def pem_of(numbers: RsaNumbers) -> bytes:
    """Write numbers as a key (RFC 8017, A.1.2), however wrong they are: no library would."""
    integers = (tagged(2, one.to_bytes(one.bit_length() // 8 + 1, "big")) for one in (0, *numbers))
    coded = base64.b64encode(tagged(0x30, b"".join(integers)))
    label = b"RSA PRIVATE KEY"
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label, coded, label)


def test_a_genuine_key_fits() -> None:
    assert consistent(GENUINE)
    assert PrivateKey.from_pem(pem_of(GENUINE), vetted=True).public_key().to_pem()


def test_a_private_exponent_may_be_of_either_kind() -> None:
    # RFC 8017 has it modulo the least common multiple, older software modulo the product.
    whole = pow(GENUINE.e, -1, (GENUINE.p - 1) * (GENUINE.q - 1))
    assert consistent(changed("d", whole))


@given(
    field=st.sampled_from(FIELDS),
    change=st.sampled_from([-2, -1, 1, 2, 3, 1 << 64, -(1 << 500)])
    | st.integers(-(1 << 1024), 1 << 1024).filter(bool),
)
def test_any_change_of_any_number_is_found(field: str, change: int) -> None:
    assert not consistent(changed(field, getattr(GENUINE, field) + change))


@pytest.mark.parametrize("value", [0, 1, 2, -1, 4])
@pytest.mark.parametrize("field", FIELDS)
def test_degenerate_numbers_are_found(field: str, value: int) -> None:
    assert not consistent(changed(field, value))


def test_two_equal_primes_are_found() -> None:
    p = GENUINE.p
    own = GENUINE._replace(q=p, n=p * p, dq=GENUINE.dp)
    assert not consistent(own)


def test_numbers_are_not_shown() -> None:
    assert str(GENUINE.d) not in f"{GENUINE!r} {GENUINE}"


@pytest.mark.parametrize("field", FIELDS[2:])
def test_a_vetted_key_whose_numbers_do_not_fit_is_refused(field: str) -> None:
    pem = pem_of(changed(field, getattr(GENUINE, field) + 2))
    for vetted in (False, True):
        with pytest.raises(KeyMaterialError) as caught:
            PrivateKey.from_pem(pem, vetted=vetted)
        assert caught.value.code == "key_malformed"


def composite() -> RsaNumbers:
    """Numbers that fit each other, of a p that is no prime: its inverse was worked out as if."""
    p = 3
    while True:
        p = OWN.p + 2 if p == 3 else p + 2
        try:
            d = pow(65537, -1, (p - 1) * (OWN.q - 1))
        except ValueError:
            continue
        if pow(2, p - 1, p) != 1:
            break
    q = OWN.q
    return RsaNumbers(p * q, 65537, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))


def test_a_p_that_is_no_prime_shows_in_the_signature() -> None:
    numbers = composite()
    assert consistent(numbers)
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey.from_pem(pem_of(numbers), vetted=True)
    assert caught.value.code == "key_malformed"


@pytest.mark.parametrize("error", [ValueError("x"), InternalError("x", [])])
def test_a_key_that_openssl_cannot_use_is_refused(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(PrivateKey, "sign", fail)
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey.from_pem(pem_of(GENUINE), vetted=True)
    assert caught.value.code == "key_malformed"


def test_a_document_is_read_with_the_same_care() -> None:
    good = Credential(kid="k", key_pair_id="K2JCJMDEHXQW5F", private_key=PrivateKey(PRIVATE))
    text = good.to_json()
    assert Credential.from_json(text).held_key.public_key() == good.held_key.public_key()
    pem = pem_of(changed("d", GENUINE.d + 2)).decode().replace("\n", "\\n")
    start, end = text.index("-----BEGIN"), text.rindex("-----") + 5
    with pytest.raises(CredentialError) as caught:
        Credential.from_json(text[:start] + pem + text[end:])
    assert caught.value.code == "key_malformed"
