"""Path patterns, and the path that they are compared with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.edge.patterns import (
    check_path_pattern,
    normalized_path,
    path_matches,
)
from signer.errors import ConfigurationError


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*", "/", True),
        ("images/*.jpg", "/images/a.jpg", True),
        ("/images/*.jpg", "/images/a.jpg", True),
        ("/images/*.jpg", "/images/a/b.jpg", True),
        ("/images/*.jpg", "/images/.jpg", True),
        ("/images/*.jpg", "/images/a.JPG", False),
        ("/images/*.jpg", "/Images/a.jpg", False),
        ("/images/*.jpg", "/x/images/a.jpg", False),
        ("*.jpg", "/x/images/a.jpg", True),
        ("/a?c", "/abc", True),
        ("/a?c", "/a/c", True),
        ("/a?c", "/ac", False),
        ("/a?c", "/abbc", False),
        ("/a*b*c", "/aXbYc", True),
        ("/a*b*c", "/acb", False),
        ("/a.b", "/aXb", False),
        ("/", "/", True),
        ("/", "/x", False),
    ],
)
def test_wildcards(pattern: str, path: str, matches: bool) -> None:
    assert path_matches(pattern, path) is matches


@pytest.mark.parametrize(
    ("raw", "normalized"),
    [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b/"),
        ("//a///b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/..", "/"),
        ("/a//../b", "/a/b"),
        ("/a//..", "/a/"),
        ("/a//../../b", "/b"),
        ("//../a", "/a"),
        ("/.", "/"),
        ("/../../a", "/a"),
        ("/a/%2e%2E/b", "/b"),
        ("/%70rivate/x", "/private/x"),
        ("/a%24b", "/a$b"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%2525", "/a%2525"),
        ("/a%25%32%35", "/a%2525"),
        ("/%e4%ff", "/%E4%FF"),
        ("/a%", "/a%"),
        ("/a%zz", "/a%zz"),
    ],
)
def test_normalization(raw: str, normalized: str) -> None:
    assert normalized_path(raw) == normalized


@given(st.text(alphabet="/.%2eEfF5cab?*", max_size=30))
def test_normalization_is_stable(raw: str) -> None:
    once = normalized_path("/" + raw)
    # A decoded %25 stays encoded, so a second pass finds nothing more to decode.
    assert normalized_path(once) == once


@given(st.text(max_size=30), st.text(alphabet="ab*?/", min_size=1, max_size=12))
def test_a_pattern_takes_the_same_requests_however_they_are_encoded(
    path: str, pattern: str
) -> None:
    plain = "".join(
        character for character in path if "!" <= character <= "~" and character not in "/%"
    )
    encoded = "".join(f"%{ord(character):02x}" for character in plain)
    assert path_matches(pattern, normalized_path("/" + plain)) is path_matches(
        pattern, normalized_path("/" + encoded)
    )


def test_matching_takes_linear_time() -> None:
    assert not path_matches("/" + "*a" * 50 + "b", "/" + "a" * 5000)


@pytest.mark.parametrize(
    "pattern", ["", "/a b", "/é", "/a%20b", "/a#b", "/a\\b", "/a(b)", "/" + "a" * 255]
)
def test_patterns_that_cloudfront_would_not_store(pattern: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_path_pattern(pattern, field="behaviors[0].path_pattern")
    assert caught.value.evidence["field"] == "behaviors[0].path_pattern"
