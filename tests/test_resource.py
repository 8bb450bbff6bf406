from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signer.errors import ResourceError, UrlError
from signer.resource import (
    _glob,
    is_entire_distribution,
    is_exact,
    match_cookie_resource,
    match_url_resource,
    split_resource,
    split_url,
    wire_resource,
)
from signer.wire import RESERVED_PARAMETERS, wire_url

HOST = "https://cdn.example.com"

NORMALISED = {
    "*": "*",
    f"{HOST}/films/*": f"{HOST}/films/*",
    f"{HOST}/films/a?.mp4": f"{HOST}/films/a?.mp4",
    f"{HOST}/a.mp4?size=*&x=?": f"{HOST}/a.mp4?size=*&x=?",
    "*://cdn.example.com/films/*": "*://cdn.example.com/films/*",
    "http*://cdn.example.com/films/*": "http*://cdn.example.com/films/*",
    "https://*.example.com/films/*": "https://*.example.com/films/*",
    "https://cdn-*.Example.com/films/*": "https://cdn-*.example.com/films/*",
    "https://CDN-*.*.example.com/films/*": "https://cdn-*.*.example.com/films/*",
    "https://*.b\u00fccher.example/a*": "https://*.xn--bcher-kva.example/a*",
    "https://*.example.com:443/a*": "https://*.example.com/a*",
    "https://*.example.com:8443/a*": "https://*.example.com:8443/a*",
    "*cdn.example.com/films/*": "*://*cdn.example.com/films/*",
    "*example.com": "*://*example.com/",
    "https://cdn.example.com*": "https://cdn.example.com*",
    "HTTPS://CDN.Example.COM/Films/*": f"{HOST}/Films/*",
    HOST: f"{HOST}/",
    f"{HOST}?a=*": f"{HOST}/?a=*",
    f"{HOST}/a?": f"{HOST}/a",
    f"{HOST}:443/films/*": f"{HOST}/films/*",
    f"{HOST}/my films/\u00e9*": f"{HOST}/my%20films/%C3%A9*",
    f"{HOST}/a?q='b'|*": f"{HOST}/a?q=%27b%27%7C*",
    # Browsers send the escapes of a page's links unchanged, and cookies must match those.
    f"{HOST}/a%2fb%C3%a9*": f"{HOST}/a%2fb%C3%a9*",
}

REFUSED: dict[str, list[object]] = {
    "resource_type": [None, 1, b"*", ["*"]],
    "resource_protocol": [
        "",
        "films/*",
        "/films/*",
        "cdn.example.com/films/*",
        "//cdn.example.com/*",
        "ftp://cdn.example.com/*",
        "h*://cdn.example.com/*",
        "https*://cdn.example.com/*",
        "*s://cdn.example.com/*",
        "**://cdn.example.com/*",
        "rtmp/*",
        "?://cdn.example.com/*",
    ],
    "resource_host": [
        "https://*cdn_$.example.com/a",
        "https://*.exa mple*.com/a",
        "https://[::*]/a",
        f"https://*{'a' * 63}.example.com/a",
        "https://\u00fc*.example.com/a",
        "https://%2a*.example.com/a",
    ],
    "url_host": ["https://*..example.com/a", "https://*.-x.example.com/a", "https://127.1/a*"],
    "url_no_host": ["https:///films/*", "*:///films/*", "https://?a=*"],
    "url_port": [f"{HOST}:*/films/*", f"{HOST}:0/films/*", "https://*:99999/a"],
    "url_user_info": ["https://*@cdn.example.com/*", "https://a:b@cdn.example.com/*"],
    "url_control": [f"{HOST}/films/*\n", f"{HOST}/\x00*", f"{HOST}/a\u2028*", "\t*"],
    "url_surrogate": [f"{HOST}/\ud800*"],
    "url_space": [" *", f"{HOST}/films/* "],
    "url_quote": [f'{HOST}/films/*","Resource":"*'],
    "url_backslash": [f"{HOST}/films\\*", f"{HOST}/films/*\\?a=1"],
    "url_fragment": [f"{HOST}/films/*#top"],
    "url_percent": [f"{HOST}/films/%*", f"{HOST}/films/%2*", f"{HOST}/a?b=%*"],
    "url_dot_segment": [f"{HOST}/films/../*", f"{HOST}/films/%2e%2E/*", f"{HOST}/./*"],
    "resource_reserved_parameter": [
        *(f"{HOST}/a?{name}=*" for name in RESERVED_PARAMETERS),
        *(f"{HOST}/a?x=1&{name}" for name in RESERVED_PARAMETERS),
        f"{HOST}/a?%45xpires=*",
        f"{HOST}/a?x=1&Key%2DPair%2dId=K",
    ],
}


@pytest.mark.parametrize(("resource", "wire"), NORMALISED.items(), ids=ascii)
def test_a_resource_is_put_into_the_form_that_is_compared(resource: str, wire: str) -> None:
    assert wire_resource(resource) == wire
    assert wire_resource(wire) == wire


@pytest.mark.parametrize(
    ("resource", "code"),
    [(resource, code) for code, resources in REFUSED.items() for resource in resources],
    ids=lambda value: ascii(value)[:60],
)
def test_a_hazardous_resource_is_refused(resource: object, code: str) -> None:
    with pytest.raises(ResourceError) as caught:
        wire_resource(resource)  # type: ignore[arg-type]  # hostile
    assert caught.value.code == code


@given(tail=st.text("aA0/.%2eE\u00e9 '?&=+-_~:@,;|", max_size=25))
@example(tail="a'b?'c")
def test_a_url_in_wire_form_is_a_resource_in_wire_form(tail: str) -> None:
    # Otherwise a canned URL and canned cookies for one object would sign two texts.
    try:
        wire = wire_url(f"{HOST}/{tail}")
    except UrlError:
        return
    assert wire_resource(wire) == wire
    assert is_exact(wire)
    assert not is_entire_distribution(wire)
    assert match_url_resource(wire, wire).matched
    assert match_cookie_resource(wire, wire).matched


@pytest.mark.parametrize(
    ("resource", "exact"),
    [
        (f"{HOST}/a.mp4", True),
        ("http://cdn.example.com/a.mp4?x=1", True),
        (f"{HOST}/a*", False),
        (f"{HOST}/a?x=?", False),
        (f"{HOST}/a\\?x=1", False),
        ("*://cdn.example.com/a.mp4", False),
        ("http*://cdn.example.com/a.mp4", False),
        ("*", False),
    ],
)
def test_exact_is_what_names_one_url(resource: str, exact: bool) -> None:
    assert is_exact(resource) is exact


@pytest.mark.parametrize(
    ("resource", "entire"),
    [
        ("*", True),
        (f"{HOST}/*", True),
        (f"{HOST}*", True),
        (f"{HOST}//*", True),
        (f"{HOST}/*/*", True),
        (f"{HOST}/**", True),
        ("*://cdn.example.com/*", True),
        ("https://*/films/*", True),
        ("https://*com/films/a.mp4", True),
        ("https://*.com/films/a.mp4", True),
        ("https://cdn.*/films/a.mp4", True),
        ("https://cdn.example.*/films/a.mp4", True),
        ("https://cdn.example.com*/films/a.mp4", True),
        ("*example.com/films/*", True),
        ("https://*.cloudfront.net/films/*", True),
        ("https://*.cloudfront.net:8443/films/*", True),
        ("https://d1*.cloudfront.net/films/*", True),
        ("https://*.s3.amazonaws.com/films/*", True),
        ("https://*.s3.amazonaws.com:8443/films/*", True),
        ("no protocol", True),
        (f"{HOST}/", False),
        (f"{HOST}/a*", False),
        (f"{HOST}/films/*", False),
        (f"{HOST}/*.mp4", False),
        (f"{HOST}/?*", False),
        ("https://*.example.com/films/*", False),
        ("https://*.example.com:8443/films/*", False),
        ("https://d111111abcdef8.cloudfront.net/films/*", False),
    ],
)
def test_too_broad_is_a_whole_site_or_hosts_not_named(resource: str, entire: bool) -> None:
    assert is_entire_distribution(resource) is entire


# Examples of the developer guide's page on custom policies for signed URLs, then its rules.
GUIDE = [
    ("https://www.example.com/hello*world", f"{'https://www.example.com'}/helloworld", True),
    ("https://www.example.com/hello*world", "https://www.example.com/hello-world", True),
    ("https://www.example.com/hello*world", "https://www.example.com/hello?world", False),
    ("https://www.example.com/hello*", "https://www.example.com/hello?a=1&b=2", True),
    ("https://www.example.com/hello*", "https://www.example.com/hello/there/world", True),
    ("https://www.example.com/hello*", "https://www.example.com/hell", False),
    ("https://www.example.com*", "https://www.example.com/", True),
    ("https://www.example.com*", "https://www.example.com/any/path?and=query", True),
    ("https://www.example.com*", "https://www.example.com.evil.example/path", True),
    ("*example.com", "https://www.example.com/", True),
    ("*example.com", "http://example.com/", True),
    ("*example.com", "https://www.example.com/path", False),
    ("*example.com", "https://www.example.com/?query", False),
    ("*", "http://anything.example/at/all?really", True),
    (f"{HOST}/training/*", f"{HOST}/training/a/b/c.pdf?x", True),
    (f"{HOST}/training/*", f"{HOST}/training", False),
    (f"{HOST}/*game_download.zip*", f"{HOST}/dir/example_game_download.zip?license=yes", True),
    (f"{HOST}/*game_download.zip", f"{HOST}/example_game_download.zip?license=yes", False),
    ("*://cdn.example.com/a", "http://cdn.example.com/a", True),
    ("*://cdn.example.com/a", "https://cdn.example.com/a", True),
    ("*://cdn.example.com/a", "ftp://cdn.example.com/a", False),
    ("http://cdn.example.com/a", "https://cdn.example.com/a", False),
    ("https://cdn.example.com/a", "http://cdn.example.com/a", False),
    ("ftp://cdn.example.com/a", "ftp://cdn.example.com/a", False),
    ("https://*.example.com/a", "https://a.b.example.com/a", True),
    ("https://*.example.com/a", "https://example.com/a", False),
    ("https://*.example.com/a", "https://evil.test/x.example.com/a", False),
    ("https://cdn?.example.com/a", "https://cdn1.example.com/a", False),  # opens a query here
    (f"{HOST}/a?x=*", f"{HOST}/a?x=", True),
    (f"{HOST}/a?x=*", f"{HOST}/a?x=1&y=2", True),
    (f"{HOST}/a?x=*", f"{HOST}/a", False),
    (f"{HOST}/a?x=*", f"{HOST}/ab?x=1", False),
    (f"{HOST}/a?x=?", f"{HOST}/a?x=1", True),
    (f"{HOST}/a?x=?", f"{HOST}/a?x=", False),
    (f"{HOST}/a?x=?", f"{HOST}/a?x=12", False),
    (f"{HOST}/a\\?x=1", f"{HOST}/a?x=1", True),
    (f"{HOST}/a\\?x=?", f"{HOST}/a?x=2", True),
    (f"{HOST}/a*?*", f"{HOST}/abc", True),
    (f"{HOST}/a*\\?*", f"{HOST}/abc?d", True),
    (f"{HOST}/a*?x=1", f"{HOST}/abc?x=1", True),
    (f"{HOST}/a*?x=1", f"{HOST}/abc?x=2", False),
    (f"{HOST}/a*?x=1", f"{HOST}/abc", False),
    (f"{HOST}/a", f"{HOST}/a?x=1", False),
    (f"{HOST}/a?", f"{HOST}/a?", True),
    (f"{HOST}/A", f"{HOST}/a", False),
    (f"{HOST}/a.b", f"{HOST}/axb", False),
    (f"{HOST}/(a|b)+", f"{HOST}/(a|b)+", True),
    (f"{HOST}/%2f", f"{HOST}/%2F", False),
    ("no protocol", f"{HOST}/a", False),
    (f"{HOST}/a", "no url", False),
    (f"{HOST}/a", f"{HOST}?a", False),
]


@pytest.mark.parametrize(("resource", "url", "matched"), GUIDE)
def test_urls_match_section_by_section(resource: str, url: str, matched: bool) -> None:
    result = match_url_resource(resource, url)
    assert result.matched is matched
    assert (result.failed_section is None) is matched


@pytest.mark.parametrize(
    ("resource", "url", "section"),
    [
        ("http://cdn.example.com/a?b", "https://cdn.example.org/c?d", "protocol"),
        ("*://cdn.example.com/a?b", "https://cdn.example.org/c?d", "domain"),
        (f"{HOST}/a?b", f"{HOST}/c?d", "path"),
        (f"{HOST}/a?b", f"{HOST}/a?d", "query"),
        (f"{HOST}/a", f"{HOST}", "syntax"),
        ("a", f"{HOST}/a", "syntax"),
    ],
)
def test_the_first_section_that_differs_is_named(resource: str, url: str, section: str) -> None:
    result = match_url_resource(resource, url)
    assert result.failed_section == section
    assert result.resource == split_resource(resource)
    assert result.url == split_url(url)


@pytest.mark.parametrize(
    ("resource", "url", "section"),
    [
        (f"{HOST}/films/*", f"{HOST}/films/a/b?c", None),
        (f"{HOST}/films/a.mp4", f"{HOST}/films/a.mp4", None),
        (f"{HOST}/*game_download.zip*", f"{HOST}/x/game_download.zip?license=yes", None),
        (f"{HOST}/films/*.mp4", f"{HOST}/films/a.txt?b.mp4", None),
        (f"{HOST}/a?x=1", f"{HOST}/a?x=1", None),
        (f"{HOST}/a?x=1", f"{HOST}/abx=1", None),  # a bare ? is any one character here
        (f"{HOST}/a\\?x=1", f"{HOST}/abx=1", "whole"),
        (f"{HOST}/a\\?x=1", f"{HOST}/a?x=1", None),
        ("http*://cdn.example.com/*", f"{HOST}/a", None),
        ("http://cdn.example.com/*", f"{HOST}/a", "whole"),
        (f"{HOST}/films/*", f"{HOST}/film", "whole"),
        (f"{HOST}/films", f"{HOST}/films?a", "whole"),
        ("*://cdn.example.com/*", f"{HOST}/a", "protocol"),
        ("*", f"{HOST}/a", "protocol"),
        ("ftp://cdn.example.com/*", "ftp://cdn.example.com/a", "protocol"),
    ],
)
def test_cookies_match_anywhere_in_the_string(resource: str, url: str, section: str | None) -> None:
    result = match_cookie_resource(resource, url)
    assert result.matched is (section is None)
    assert result.failed_section == section
    assert result.resource == split_resource(resource)
    assert result.url == split_url(url)


def test_http_star_can_be_switched_off() -> None:
    resource = "http*://cdn.example.com/a"
    assert match_url_resource(resource, f"{HOST}/a").matched
    assert match_cookie_resource(resource, f"{HOST}/a").matched
    assert match_url_resource(resource, f"{HOST}/a", http_star=False).failed_section == "protocol"
    assert (
        match_cookie_resource(resource, f"{HOST}/a", http_star=False).failed_section == "protocol"
    )


def naive_glob(pattern: str, text: str) -> bool:
    """Match as one would explain it to a child; exponential, and obviously right."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return naive_glob(pattern[1:], text) or (text != "" and naive_glob(pattern, text[1:]))
    return text != "" and pattern[0] in {"?", text[0]} and naive_glob(pattern[1:], text[1:])


@given(pattern=st.text("ab*?", max_size=9), text=st.text("ab", max_size=9))
@example(pattern="*ab*b", text="abab")
@example(pattern="*?a*a?", text="aaaa")
def test_wildcards_mean_what_the_guide_says(pattern: str, text: str) -> None:
    assert (_glob(pattern).fullmatch(text) is not None) == naive_glob(pattern, text)


section_pattern = st.text("ab*", max_size=5)
section_text = st.text("ab", max_size=5)


@given(
    protocols=st.tuples(
        st.sampled_from(["http", "https", "*", "http*"]), st.sampled_from(["http", "https"])
    ),
    domains=st.tuples(
        st.text("ab*.", min_size=1, max_size=5), st.text("ab.", min_size=1, max_size=5)
    ),
    paths=st.tuples(st.text("ab*/", max_size=6), st.text("ab/", max_size=6)),
    queries=st.tuples(
        st.none() | st.text("ab*?=", max_size=5), st.none() | st.text("ab=?", max_size=5)
    ),
)
def test_sections_are_matched_as_by_an_independent_reading(
    protocols: tuple[str, str],
    domains: tuple[str, str],
    paths: tuple[str, str],
    queries: tuple[str | None, str | None],
) -> None:
    resource, url = (
        f"{protocol}://{domain}/{path}" + ("" if query is None else f"?{query}")
        for protocol, domain, path, query in zip(protocols, domains, paths, queries, strict=True)
    )
    wanted, asked = queries
    any_query = paths[0].endswith("*") and wanted in {None, "*"}
    same_query = wanted is None and asked is None
    if wanted is not None and asked is not None:
        same_query = naive_glob(wanted, asked)
    expected = (
        (protocols[0].endswith("*") or protocols[0] == protocols[1])
        and naive_glob(domains[0], domains[1])
        and naive_glob(f"/{paths[0]}", f"/{paths[1]}")
        and (any_query or same_query)
    )
    assert match_url_resource(resource, url).matched == expected


@given(
    resource=st.text("ab*?:/htps\\.", max_size=20), url=st.text("ab?:/htps\n\u00e9", max_size=20)
)
def test_no_text_makes_a_matcher_raise(resource: str, url: str) -> None:
    assert match_url_resource(resource, url).matched in {True, False}
    assert match_cookie_resource(resource, url).matched in {True, False}
    if not re.match(r"https?://", url):
        assert not match_url_resource(resource, url).matched


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "pattern", ["*a" * 2000 + "b", "*a*" * 1000 + "b", "a*" * 2000 + "b", "*?" * 2000 + "b"]
)
def test_hostile_patterns_are_decided_in_no_time(pattern: str) -> None:
    assert not _glob(pattern).fullmatch("a" * 8000)
    assert not match_url_resource(f"{HOST}/{pattern}c", f"{HOST}/{'a' * 8000}").matched
    assert not match_cookie_resource(f"{HOST}/{pattern}c", f"{HOST}/{'a' * 8000}").matched
