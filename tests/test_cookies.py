from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.cookies import (
    COOKIE_NAMES,
    MAX_COOKIE_BYTES,
    CookieAttributes,
    SameSite,
    SignedCookies,
)
from signer.errors import CookieError

FOLDER = "https://cdn.example.com/films/*"
CANNED = {
    "CloudFront-Expires": "1800000000",
    "CloudFront-Signature": "abc~",
    "CloudFront-Key-Pair-Id": "K2JCJMDEHXQW5F",
}
CUSTOM = {
    "CloudFront-Policy": "eyJ9",
    "CloudFront-Signature": "abc~",
    "CloudFront-Key-Pair-Id": "K2JCJMDEHXQW5F",
    "CloudFront-Hash-Algorithm": "SHA256",
}
GONE = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"


def cookies(
    values: dict[str, str] | None = None,
    resource: str = FOLDER,
    attributes: CookieAttributes | None = None,
) -> SignedCookies:
    chosen = attributes or CookieAttributes()
    return SignedCookies(values or CUSTOM, resource=resource, attributes=chosen)


def test_the_lines_are_safe_by_default_and_expire_the_companions() -> None:
    assert cookies().set_cookie_headers() == [
        "CloudFront-Policy=eyJ9; Path=/films/; Secure; HttpOnly; SameSite=Lax",
        "CloudFront-Signature=abc~; Path=/films/; Secure; HttpOnly; SameSite=Lax",
        "CloudFront-Key-Pair-Id=K2JCJMDEHXQW5F; Path=/films/; Secure; HttpOnly; SameSite=Lax",
        "CloudFront-Hash-Algorithm=SHA256; Path=/films/; Secure; HttpOnly; SameSite=Lax",
        f"CloudFront-Expires=; Path=/films/{GONE}; Secure; HttpOnly; SameSite=Lax",
    ]


@pytest.mark.parametrize("values", [CANNED, CUSTOM])
def test_every_issue_touches_all_five_names_once(values: dict[str, str]) -> None:
    lines = cookies(values).set_cookie_headers()
    assert sorted(line.partition("=")[0] for line in lines) == sorted(COOKIE_NAMES)
    live = [line for line in lines if GONE not in line]
    assert [line.partition("=")[0] for line in live] == list(values)


def test_every_attribute_appears_where_it_belongs() -> None:
    attributes = CookieAttributes(
        domain=".Example.com", path="/", same_site="Strict", partitioned=True, max_age=600
    )
    lines = cookies(CANNED, attributes=attributes).set_cookie_headers()
    live = (
        "; Path=/; Domain=example.com; Max-Age=600; Secure; HttpOnly; SameSite=Strict; Partitioned"
    )
    gone = f"; Path=/; Domain=example.com{GONE}; Secure; HttpOnly; SameSite=Strict; Partitioned"
    assert lines[0] == f"CloudFront-Expires=1800000000{live}"
    assert lines[-1] == f"CloudFront-Hash-Algorithm={gone}"


def test_plain_http_is_possible_for_a_laptop_and_only_by_name() -> None:
    attributes = CookieAttributes(secure=False, http_only=False)
    assert cookies(attributes=attributes).set_cookie_headers()[0] == (
        "CloudFront-Policy=eyJ9; Path=/films/; SameSite=Lax"
    )


def test_the_preset_for_other_sites_pages() -> None:
    attributes = CookieAttributes.cross_site()
    assert attributes == CookieAttributes(same_site="None", partitioned=True)
    assert (
        cookies(attributes=attributes)
        .set_cookie_headers()[0]
        .endswith("; Path=/films/; Secure; HttpOnly; SameSite=None; Partitioned")
    )
    assert CookieAttributes.cross_site(path="/x/").path == "/x/"


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("https://cdn.example.com/films/*", "/films/"),
        ("https://cdn.example.com/films/a*", "/films/"),
        ("https://cdn.example.com/films/2024/a.mp4", "/films/2024/"),
        ("https://cdn.example.com/films/*/trailer/x.mp4", "/films/"),
        ("https://cdn.example.com/films/a.mp4?path=/b/*", "/films/"),
        ("https://cdn.example.com/my%20films/*", "/my%20films/"),
        ("https://cdn.example.com/*", "/"),
        ("https://cdn.example.com/", "/"),
        ("https://cdn.example.com/a", "/"),
        ("https://cdn.example.com*", "/"),
        ("https://*.example.com/films/*", "/films/"),
    ],
)
def test_the_path_is_the_literal_directory_of_the_resource(resource: str, path: str) -> None:
    assert f"; Path={path};" in cookies(resource=resource).set_cookie_headers()[0]
    assert f"; Path={path};" in SignedCookies.clearing_headers(resource=resource)[0]
    assert repr(cookies(resource=resource)).endswith(f"; Path={path})")


def test_a_directory_that_no_cookie_path_can_say_is_refused() -> None:
    with pytest.raises(CookieError) as caught:
        cookies(resource="https://cdn.example.com/a;b/*")
    assert caught.value.code == "cookie_path"
    above = cookies(resource="https://cdn.example.com/a;b/*", attributes=CookieAttributes(path="/"))
    assert "; Path=/;" in above.set_cookie_headers()[0]


def test_without_path_and_resource_nothing_can_be_cleared() -> None:
    for resource in (None, "no protocol"):
        with pytest.raises(CookieError) as caught:
            SignedCookies.clearing_headers(resource=resource)
        assert caught.value.code == "cookie_path_unknown"


@pytest.mark.parametrize("attributes", [None, CookieAttributes.cross_site(path="/films/")])
def test_clearing_removes_all_five_under_the_attributes_they_were_set_with(
    attributes: CookieAttributes | None,
) -> None:
    lines = SignedCookies.clearing_headers(attributes, resource=FOLDER)
    rest = (attributes or CookieAttributes()).suffix("/films/", expired=True)
    assert lines == [f"{name}={rest}" for name in COOKIE_NAMES]
    assert GONE in rest


def test_the_values_are_a_mapping_and_a_request_header() -> None:
    issued = cookies()
    assert dict(issued) == CUSTOM
    assert len(issued) == 4
    assert issued["CloudFront-Policy"] == "eyJ9"
    assert issued.get("CloudFront-Expires") is None
    assert issued.header() == "; ".join(f"{name}={value}" for name, value in CUSTOM.items())
    assert issued.resource == FOLDER
    with pytest.raises(TypeError):
        issued["CloudFront-Policy"] = "x"  # type: ignore[index]


def test_later_changes_of_the_callers_dict_do_not_reach_the_cookies() -> None:
    values = dict(CUSTOM)
    issued = cookies(values)
    values["CloudFront-Policy"] = "evil; Domain=evil.example"
    assert issued["CloudFront-Policy"] == "eyJ9"


def test_the_repr_shows_no_values() -> None:
    shown = repr(cookies())
    assert "CloudFront-Signature" in shown
    assert not any(value in shown for value in CUSTOM.values())


@pytest.mark.parametrize("name", ["CloudFront-Policy", "CloudFront-Signature"])
def test_a_line_may_have_exactly_4096_bytes(name: str) -> None:
    suffix = CookieAttributes().suffix("/films/")
    room = MAX_COOKIE_BYTES - len(f"{name}={suffix}")
    assert len(cookies({**CUSTOM, name: "a" * room})[name]) == room
    with pytest.raises(CookieError) as caught:
        cookies({**CUSTOM, name: "a" * (room + 1)})
    assert caught.value.code == "cookie_too_large"


@pytest.mark.parametrize(
    ("domain", "kept"),
    [
        ("example.com", "example.com"),
        (".example.com", "example.com"),
        ("CDN.Example.COM", "cdn.example.com"),
        ("d111111abcdef8.cloudfront.net", "d111111abcdef8.cloudfront.net"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_is_kept_as_browsers_compare_it(domain: str, kept: str) -> None:
    assert CookieAttributes(domain=domain).domain == kept


@pytest.mark.parametrize(
    ("domain", "code"),
    [
        ("", "cookie_domain"),
        (".", "cookie_domain"),
        ("..example.com", "cookie_domain"),
        ("example", "cookie_domain"),
        ("example.com.", "cookie_domain"),
        ("example.com:443", "cookie_domain"),
        ("*.example.com", "cookie_domain"),
        ("-a.example.com", "cookie_domain"),
        ("a_b.example.com", "cookie_domain"),
        ("192.0.2.1", "cookie_domain"),
        ("[::1]", "cookie_domain"),
        ("b\u00fccher.example", "cookie_domain"),
        ("example.com; Path=/", "cookie_domain"),
        ("example.com\r\nSet-Cookie: a=b", "cookie_domain"),
        ("example.com\n", "cookie_domain"),
        ("example.com,evil.example", "cookie_domain"),
        ("https://example.com", "cookie_domain"),
        (("a" * 63 + ".") * 4 + "com", "cookie_domain"),
        (1, "cookie_domain"),
        (b"example.com", "cookie_domain"),
        ("cloudfront.net", "cookie_domain_shared"),
        (".CloudFront.net", "cookie_domain_shared"),
        ("amazonaws.com", "cookie_domain_shared"),
    ],
)
def test_a_domain_that_browsers_would_not_take_is_refused(domain: object, code: str) -> None:
    with pytest.raises(CookieError) as caught:
        CookieAttributes(domain=domain)  # type: ignore[arg-type]  # hostile
    assert caught.value.code == code


@pytest.mark.parametrize(
    "path",
    [
        "",
        "films/",
        "*",
        "/films/*",
        "/a;b/",
        "/a b/",
        "/a\r\nb",
        "/a\n",
        "/\u00e9/",
        '/"',
        "/a?b",
        "/a\\b",
        "/a#b",
        b"/a",
        1,
    ],
)
def test_a_path_that_is_not_literal_is_refused(path: object) -> None:
    with pytest.raises(CookieError) as caught:
        CookieAttributes(path=path)  # type: ignore[arg-type]  # hostile
    assert caught.value.code == "cookie_path"


@pytest.mark.parametrize("same_site", ["lax", "", "Lax; Domain=evil.example", None, 0, ["Lax"]])
def test_same_site_has_three_values(same_site: object) -> None:
    with pytest.raises(CookieError) as caught:
        CookieAttributes(same_site=same_site)  # type: ignore[arg-type]  # hostile
    assert caught.value.code == "cookie_same_site"


@pytest.mark.parametrize(("same_site", "partitioned"), [("None", False), ("Lax", True)])
def test_what_browsers_take_over_https_only_is_secure(
    same_site: SameSite, partitioned: bool
) -> None:
    with pytest.raises(CookieError) as caught:
        CookieAttributes(same_site=same_site, partitioned=partitioned, secure=False)
    assert caught.value.code == "cookie_insecure"
    assert CookieAttributes(same_site=same_site, partitioned=partitioned).secure


@pytest.mark.parametrize("max_age", [0, -1, True, 1.5, "600", "600; Domain=evil.example"])
def test_a_lifetime_is_a_positive_number_of_seconds(max_age: object) -> None:
    with pytest.raises(CookieError) as caught:
        CookieAttributes(max_age=max_age)  # type: ignore[arg-type]  # hostile
    assert caught.value.code == "cookie_max_age"


@pytest.mark.parametrize(
    ("domain", "host", "covered"),
    [
        ("example.com", "example.com", True),
        ("example.com", "cdn.example.com", True),
        ("example.com", "*.example.com", True),
        ("example.com", "cdn.example.com:8443", True),
        ("cdn.example.com", "example.com", False),
        ("example.com", "badexample.com", False),
        ("example.com", "*example.com", False),
        ("example.com", "example.org", False),
        ("example.com", "[2001:db8::1]:8443", False),
    ],
)
def test_a_domain_must_contain_the_resources_host(domain: str, host: str, covered: bool) -> None:
    resource, attributes = f"https://{host}/films/*", CookieAttributes(domain=domain)
    if covered:
        assert (
            "; Domain=example.com"
            in cookies(resource=resource, attributes=attributes).set_cookie_headers()[0]
        )
        return
    with pytest.raises(CookieError) as caught:
        cookies(resource=resource, attributes=attributes)
    assert caught.value.code == "cookie_domain_mismatch"


@given(
    domain=st.none() | st.text(max_size=20) | st.just("example.com"),
    path=st.none() | st.text(max_size=20) | st.text("/ab;, \r\n", max_size=8).map("/".__add__),
)
def test_no_attribute_breaks_out_of_its_line(domain: str | None, path: str | None) -> None:
    try:
        attributes = CookieAttributes(domain=domain, path=path)
        lines = cookies(attributes=attributes).set_cookie_headers()
    except CookieError:
        return
    allowed = {"Path", "Domain", "Max-Age", "Expires", "Secure", "HttpOnly", "SameSite"}
    for line in lines:
        assert line.isprintable()
        names = [part.partition("=")[0] for part in line.split("; ")]
        assert names[0] in COOKIE_NAMES
        assert set(names[1:]) <= allowed
        assert len(set(names)) == len(names)
