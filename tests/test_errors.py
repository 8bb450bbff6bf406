from __future__ import annotations

import inspect

import pytest

from signer import errors
from signer.errors import (
    ConfigurationError,
    CookieError,
    CredentialError,
    GrantError,
    IdentityError,
    InputError,
    KeyMaterialError,
    KeyPairIdError,
    PassingError,
    PolicyError,
    RemoteError,
    RequestError,
    ResourceError,
    RotationError,
    SignerError,
    SigningError,
    UrlError,
    excerpt,
)

INPUT_ERRORS = (
    ConfigurationError,
    CookieError,
    GrantError,
    KeyMaterialError,
    KeyPairIdError,
    PolicyError,
    RequestError,
    ResourceError,
    UrlError,
)
OTHER_ERRORS = (
    CredentialError,
    IdentityError,
    PassingError,
    RemoteError,
    RotationError,
    SigningError,
)


def test_every_error_of_the_module_is_in_one_of_the_two_groups() -> None:
    defined = {
        item
        for _, item in inspect.getmembers(errors, inspect.isclass)
        if issubclass(item, BaseException)
    }
    assert defined == {SignerError, InputError, *INPUT_ERRORS, *OTHER_ERRORS}


@pytest.mark.parametrize("kind", INPUT_ERRORS)
def test_an_input_error_is_a_value_error_for_those_who_do_not_know_us(
    kind: type[InputError],
) -> None:
    error = kind("some_code", "something is wrong")
    assert isinstance(error, (InputError, ValueError))
    assert isinstance(error, SignerError)


@pytest.mark.parametrize("kind", OTHER_ERRORS)
def test_an_error_that_is_not_the_callers_is_no_value_error(kind: type[SignerError]) -> None:
    assert issubclass(kind, SignerError)
    assert not issubclass(kind, ValueError)


def test_an_error_keeps_its_parts_and_joins_message_and_advice() -> None:
    error = UrlError("url_port", "the port is wrong", advice="use 443", port=70000)
    assert (error.code, error.message, error.advice) == ("url_port", "the port is wrong", "use 443")
    assert str(error) == "the port is wrong; use 443"
    assert dict(error.evidence) == {"port": 70000}


def test_an_error_without_advice_is_its_message_alone() -> None:
    error = SigningError("signature_form", "no signature")
    assert str(error) == "no signature"
    assert error.advice == ""
    assert dict(error.evidence) == {}


def test_evidence_cannot_be_changed_behind_the_back_of_a_logger() -> None:
    error = UrlError("url_port", "the port is wrong", port=70000)
    with pytest.raises(TypeError):
        error.evidence["port"] = 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "''"),
        ("plain", "'plain'"),
        ("line\r\nbreak\x00", r"'line\r\nbreak\x00'"),
        ("é\u2028\ud800", r"'\xe9\u2028\ud800'"),
        ("x-" * 40, repr("x-" * 40)),
        ("x-" * 40 + "x", repr("x-" * 40) + "..."),
        ("x" * 39, repr("x" * 39)),
    ],
)
def test_an_excerpt_is_short_printable_ascii(text: str, shown: str) -> None:
    assert excerpt(text) == shown


@pytest.mark.parametrize("text", ["x" * 40, "a b " + "Zz09+" * 8, "-----BEGIN X-----", "-----"])
def test_an_excerpt_shows_nothing_that_looks_like_a_key(text: str) -> None:
    assert text not in excerpt(text)
    assert str(len(text)) in excerpt(text)
