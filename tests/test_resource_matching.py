from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signer.resource import (
    _glob,
    match_cookie_resource,
    match_url_resource,
    split_resource,
    split_url,
)

HOST = "https://cdn.example.com"

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
