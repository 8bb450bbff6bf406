from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.cookies import COOKIE_NAMES
from signer.viewer_request import Cookies, ViewerRequest, cookie_pairs, presented
from signer.wire import RESERVED_PARAMETERS

URL = "https://cdn.example.com/films/a.mp4"
PAIRS = [("CloudFront-Expires", "1"), ("session", "a=b"), ("CloudFront-Key-Pair-Id", "K")]
HEADER = "CloudFront-Expires=1; session=a=b; CloudFront-Key-Pair-Id=K"


@pytest.mark.parametrize(
    "cookies",
    [
        HEADER,
        HEADER.replace("; ", ";"),
        HEADER.replace("; ", " ;\t "),
        dict(PAIRS),
        MappingProxyType(dict(PAIRS)),
        PAIRS,
        tuple(PAIRS),
    ],
    ids=["header", "no spaces", "odd spaces", "dict", "mapping", "list", "tuple"],
)
def test_cookies_may_come_in_any_form(cookies: Cookies) -> None:
    shown = presented(ViewerRequest(URL, cookies))
    assert shown.transport == "cookies"
    assert shown.url == URL
    assert shown.values == {"Expires": ["1"], "Key-Pair-Id": ["K"]}


def test_cookies_may_come_from_an_iterator() -> None:
    shown = presented(ViewerRequest(URL, iter(PAIRS)))
    assert shown.values == {"Expires": ["1"], "Key-Pair-Id": ["K"]}


@pytest.mark.parametrize(
    "cookies", ["", ";", "; ;;", {}, (), [], "session=1", "=x", "CloudFront-Policy2=x"]
)
def test_without_cloudfronts_cookies_nothing_is_presented(cookies: Cookies) -> None:
    shown = presented(ViewerRequest(URL, cookies))
    assert (shown.transport, shown.url, shown.values) == (None, URL, {})


def test_cookie_names_are_exact() -> None:
    header = "cloudfront-policy=a; CloudFront-policy=b; CloudFront-Policy =c; Policy=d; CloudFront-Key-Pair-ID=e"
    assert presented(ViewerRequest(URL, header)).transport is None


def test_duplicate_cookies_are_kept_in_order() -> None:
    shown = presented(ViewerRequest(URL, "CloudFront-Policy=a; x=y; CloudFront-Policy=b"))
    assert shown.values == {"Policy": ["a", "b"]}


def test_a_cookie_without_equals_sign_has_an_empty_value() -> None:
    assert cookie_pairs("CloudFront-Policy; a=") == [("CloudFront-Policy", ""), ("a", "")]


@pytest.mark.parametrize("name", RESERVED_PARAMETERS)
@pytest.mark.parametrize(
    "written", ["{0}=v", "{0}=", "{0}", "a=1&{0}=v", "{0}=v&a=1", "a=1&&{0}=v"]
)
def test_any_one_parameter_makes_it_a_signed_url_and_switches_cookies_off(
    name: str, written: str
) -> None:
    query = written.format(name)
    shown = presented(ViewerRequest(f"{URL}?{query}", HEADER))
    assert shown.transport == "url"
    assert shown.values == {name: ["v" if "=v" in written else ""]}


@pytest.mark.parametrize(
    "query", ["expires=1", "EXPIRES=1", "Expires2=1", "%45xpires=1", "a=Expires", "a=1;Policy=2"]
)
def test_what_only_resembles_a_parameter_is_the_viewers_own(query: str) -> None:
    shown = presented(ViewerRequest(f"{URL}?{query}", HEADER))
    assert shown.transport == "cookies"
    assert shown.url == f"{URL}?{query}"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("Expires=1", ""),
        ("a=1&Expires=1", "?a=1"),
        ("Expires=1&a=1", "?a=1"),
        ("a=1&Expires=1&b=2&Policy=x", "?a=1&b=2"),
        ("&Expires=1", "?"),
        ("a=1&&Expires=1&", "?a=1&&"),
        ("a=b?Expires=1&Expires=2", "?a=b?Expires=1"),
        ("b=%20&a=+&Expires=1", "?b=%20&a=+"),
    ],
)
def test_the_viewers_own_query_stays_byte_for_byte(query: str, kept: str) -> None:
    assert presented(ViewerRequest(f"{URL}?{query}")).url == URL + kept


def test_duplicate_parameters_are_kept_in_order() -> None:
    shown = presented(ViewerRequest(f"{URL}?Policy=a&x=1&Policy=b&Policy"))
    assert shown.values == {"Policy": ["a", "b", ""]}


part = st.sampled_from([*RESERVED_PARAMETERS, "a", "b", ""]).flatmap(
    lambda name: st.sampled_from([name, f"{name}=", f"{name}=1", f"{name}=x=y"])
)


@given(parts=st.lists(part, max_size=6))
def test_nothing_is_lost_or_made_up(parts: list[str]) -> None:
    shown = presented(ViewerRequest(f"{URL}?{'&'.join(parts)}"))
    own = [item for item in parts if item.partition("=")[0] not in RESERVED_PARAMETERS]
    taken = [item for item in parts if item not in own]
    assert sum(map(len, shown.values.values())) == len(taken)
    if taken:
        assert shown.url == URL + ("?" + "&".join(own) if own else "")
    else:
        assert shown.url == f"{URL}?{'&'.join(parts)}"


def test_the_names_of_both_transports_are_the_same_five() -> None:
    assert {f"CloudFront-{name}" for name in RESERVED_PARAMETERS} == set(COOKIE_NAMES)


def test_the_repr_shows_no_credentials() -> None:
    shown = repr(ViewerRequest(f"{URL}?Signature=abc&Policy=def", HEADER, method="HEAD"))
    assert URL in shown
    assert "HEAD" in shown
    assert "abc" not in shown
    assert "Key-Pair-Id" not in shown


def test_names_of_parameters_may_be_taken_in_any_case() -> None:
    request = ViewerRequest(f"{URL}?EXPIRES=1&key-pair-id=K&a=b")
    assert presented(request).transport is None
    shown = presented(request, any_case=True)
    assert (shown.transport, shown.url) == ("url", f"{URL}?a=b")
    assert shown.values == {"Expires": ["1"], "Key-Pair-Id": ["K"]}
