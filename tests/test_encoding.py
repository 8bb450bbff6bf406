from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.encoding import decode_base64, encode_base64
from signer.errors import UrlError


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"\xfb\xff\xfe", "-~~-"),
        (b"\xff", "~w__"),
        (b"\xff\xff", "~~8_"),
        (b"abc", "YWJj"),
    ],
)
def test_the_three_characters_are_exchanged_as_documented(data: bytes, text: str) -> None:
    assert encode_base64(data) == text
    assert decode_base64(text) == data


@given(data=st.binary())
def test_it_is_standard_base64_with_three_characters_exchanged(data: bytes) -> None:
    standard = base64.b64encode(data).decode()
    text = encode_base64(data)
    assert text == standard.replace("+", "-").replace("=", "_").replace("/", "~")
    assert decode_base64(text) == data


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "ab",
        "abc",
        "YWJj_",
        "YWJjZ",
        "_",
        "____",
        "YW_j",
        "~w==",
        "~w_",
        "~w",
        "~x__",  # stray bits in the last character
        "~~9_",
        "+++/",
        "YWJj\n",
        " YWJj",
        "YW Jj",
        "YWJj%7E",
        "YWJj\x00",
        "YWJ\u00e9",
        "\uff39\uff37\uff2a\uff4a",
        "YWJ\ud800",
        "YWJj____",
        "~w__YWJj",
    ],
)
def test_only_what_the_encoder_writes_is_decoded(text: str) -> None:
    with pytest.raises(UrlError) as caught:
        decode_base64(text)
    assert caught.value.code == "base64_invalid"
    assert len(text) < 4 or text not in str(caught.value)


@given(text=st.one_of(st.text(max_size=12), st.text("AZaz09-_~+=/ ", max_size=12)))
def test_decoding_is_one_to_one(text: str) -> None:
    try:
        data = decode_base64(text)
    except UrlError:
        return
    assert encode_base64(data) == text
