"""What a browser keeps for us: nothing changed, nothing old, nothing of another purpose is opened."""

from __future__ import annotations

import base64
import json
import math
import string
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from hypothesis import example, given
from hypothesis import strategies as st

from signer.errors import ConfigurationError, IdentityError
from signer.oidc.seal import LONGEST_SEALED, MOST_KEYS, Seal, new_key
from tests.oidc.fake_provider import Clock

KEY = new_key()
HOUR = timedelta(hours=1)
SEALED = Seal([KEY]).seal("p", {"a": "b"}, lifetime=HOUR)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=4
        )
    ),
    max_leaves=10,
)
records = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8), json_values, max_size=5
)


def code_of(seal: Seal, text: object, purpose: str = "p") -> str:
    with pytest.raises(IdentityError) as caught:
        seal.open(purpose, text)  # type: ignore[arg-type]
    return caught.value.code


@given(records)
def test_what_was_sealed_is_opened(record: dict[str, object]) -> None:
    seal = Seal([KEY])
    text = seal.seal("p", record, lifetime=HOUR)
    assert seal.open("p", text) == record
    # RFC 6265, section 4.1.1: none of it needs quoting in a cookie.
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").isalnum()


@given(at=st.integers(0, len(SEALED) - 1), other=st.characters(max_codepoint=0x2FFF))
def test_any_changed_character_is_refused(at: int, other: str) -> None:
    if other != SEALED[at]:
        assert code_of(Seal([KEY]), SEALED[:at] + other + SEALED[at + 1 :]) == "seal_broken"


@given(start=st.integers(0, 60), end=st.integers(0, len(SEALED)), more=st.text(max_size=3))
def test_any_piece_of_it_is_refused_and_anything_around_it(start: int, end: int, more: str) -> None:
    for changed in (SEALED[start:end], SEALED + more, more + SEALED):
        if changed != SEALED:
            assert code_of(Seal([KEY]), changed) == "seal_broken"


@pytest.mark.parametrize("size", [0, 16, 32])
def test_a_cookie_has_one_spelling(size: int) -> None:
    """Sizes for each number of bits that base64 leaves over."""
    seal = Seal([KEY])
    text = seal.seal("p", {"a": "b" * size}, lifetime=HOUR)
    assert seal.open("p", text)
    for padding in ("=", "==", "==="):
        assert code_of(seal, text + padding) == "seal_broken"
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(text[-1])
    for other in alphabet[:last] + alphabet[last + 1 :]:
        assert code_of(seal, text[:-1] + other) == "seal_broken"


@given(st.text(max_size=300) | st.binary(max_size=300) | st.none() | st.integers())
@example("")
@example("=")
@example("A" * (LONGEST_SEALED + 1))
@example("gAAAAA")
def test_whatever_is_not_ours_is_refused(text: object) -> None:
    assert code_of(Seal([KEY]), text) == "seal_broken"


@given(st.text(max_size=10), st.text(max_size=10))
def test_purposes_are_not_interchangeable(one: str, other: str) -> None:
    """A log-in cookie is no session, whoever renames it."""
    seal = Seal([KEY])
    encodable = one.encode("utf-8", "replace").decode()
    text = seal.seal(encodable, {}, lifetime=HOUR)
    if encodable != other:
        assert code_of(seal, text, other) == "seal_broken"
    assert seal.open(encodable, text) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"purpose":"p"}',
        b'{"purpose":"p","data":[],"expires_at":99999999999}',
        b'{"purpose":"p","data":{},"purpose":"p","expires_at":99999999999}',
    ],
    ids=repr,
)
def test_another_programs_content_under_our_key_is_refused(content: bytes) -> None:
    text = Fernet(KEY).encrypt(content).decode().rstrip("=")
    assert code_of(Seal([KEY]), text) == "seal_broken"


@pytest.mark.parametrize("end", ["null", '"2999"', "[]", "1e999", "-1", "0"])
def test_an_end_that_is_no_date_is_no_end_in_the_future(end: str) -> None:
    content = f'{{"purpose":"p","data":{{}},"expires_at":{end}}}'
    text = Fernet(KEY).encrypt(content.encode()).decode().rstrip("=")
    assert code_of(Seal([KEY]), text) in {"seal_expired", "seal_broken"}


def test_it_ends_when_it_was_meant_to() -> None:
    clock = Clock()
    seal = Seal([KEY], clock=clock)
    text = seal.seal("p", {}, lifetime=HOUR)
    clock.now += 3599
    assert seal.open("p", text) == {}
    clock.now += 1
    assert code_of(seal, text) == "seal_expired"


def test_keys_change_without_logging_anybody_out() -> None:
    old, new = new_key(), new_key()
    before = Seal([old]).seal("p", {"a": 1}, lifetime=HOUR)
    both = Seal([new, old])
    assert both.open("p", before) == {"a": 1}
    after = both.seal("p", {"a": 2}, lifetime=HOUR)
    assert Seal([new]).open("p", after) == {"a": 2}
    assert code_of(Seal([new]), before) == "seal_broken"
    assert code_of(Seal([old]), after) == "seal_broken"


def test_two_seals_of_one_record_have_nothing_in_common_but_the_version() -> None:
    seal = Seal([KEY])
    one, other = (seal.seal("p", {"a": "canary"}, lifetime=HOUR) for _ in range(2))
    assert one[20:] != other[20:]
    content = base64.urlsafe_b64decode(one + "=" * (-len(one) % 4))
    assert b"canary" not in content


@pytest.mark.parametrize(
    "keys",
    [
        [],
        "",
        KEY,
        KEY.encode(),
        [""],
        ["short"],
        [KEY[:-2]],
        [KEY[:-1] + "A"],
        [KEY + "A"],
        [KEY, "x"],
        [f" {KEY}"],
        [f"{KEY}\n"],
        ["\u00e4" * 44],
        [None],
        [7],
        [base64.urlsafe_b64encode(b"k" * 16).decode()],
        [new_key() for _ in range(MOST_KEYS + 1)],
    ],
    ids=lambda keys: f"{type(keys).__name__} of {len(keys)}",
)
def test_wrong_keys_are_refused_and_not_shown(keys: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Seal(keys)
    assert caught.value.code == "seal_keys"
    assert KEY[:20] not in f"{caught.value!r} {caught.value.evidence}"


@given(st.text(string.ascii_letters + string.digits, min_size=43, max_size=43))
def test_any_43_letters_and_digits_are_a_key(key: str) -> None:
    sealed = Seal([key]).seal("p", {"a": 1}, lifetime=HOUR)
    assert Seal([key]).open("p", sealed) == {"a": 1}
    other = ("B" if key[0] == "A" else "A") + key[1:]
    assert code_of(Seal([other]), sealed) == "seal_broken"


def test_a_key_is_the_same_with_and_without_its_padding() -> None:
    sealed = Seal([KEY]).seal("p", {}, lifetime=HOUR)
    assert Seal([KEY.rstrip("=")]).open("p", sealed) == {}


def test_the_last_two_bits_of_43_letters_and_digits_are_no_part_of_the_key() -> None:
    # 43 times 6 bits are two more than 32 bytes have: "A" and "D" end in bits that nothing reads.
    assert base64.b64decode("k" * 42 + "A=") == base64.b64decode("k" * 42 + "D=")
    sealed = Seal(["k" * 42 + "A"]).seal("p", {}, lifetime=HOUR)
    assert Seal(["k" * 42 + "D"]).open("p", sealed) == {}
    assert code_of(Seal(["k" * 42 + "E"]), sealed) == "seal_broken"


def test_keys_may_be_bytes_and_are_never_shown() -> None:
    seal = Seal([KEY.encode()])
    assert repr(seal) == "Seal()"
    assert Seal([KEY]).open("p", seal.seal("p", {}, lifetime=HOUR)) == {}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_could_not_be_opened_is_not_sealed(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        Seal([KEY]).seal("p", {"a": value}, lifetime=HOUR)
    assert json.dumps(value)
