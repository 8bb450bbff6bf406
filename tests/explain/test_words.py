"""The words of an explanation: times, grants, cookie lines, what clients send."""

from __future__ import annotations

import json
from datetime import timedelta, timezone

import pytest

from signer.explain import explain, split_cookie_text
from signer.explain.client_form import as_sent
from signer.explain.cookie_lines import judge_cookies
from signer.explain.finding import shown
from signer.explain.moments import duration, moment
from signer.explain.reading import read_base64
from signer.keys import PrivateKey
from signer.viewer_request import ViewerRequest
from tests.explain.making import END, HOST, KID, NOW, URL, canned, custom, explained, policy


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (7980, "2 h 13 min"),
        (7200, "2 h"),
        (86_400, "1 day"),
        (2 * 86_400 + 3 * 3600, "2 days 3 h"),
        (2 * 86_400 + 5, "2 days"),
        (10**9, "31 years"),
    ],
)
def test_durations(seconds: int, words: str) -> None:
    assert duration(seconds) == words


def test_moments_in_two_time_zones() -> None:
    zone = timezone(timedelta(hours=2), "CEST")
    end = moment(NOW + 7980, now=NOW + 0.7, zone=zone)
    assert str(end) == "2027-01-15 10:13:00 UTC (in 2 h 13 min)"
    assert end.local == "2027-01-15 12:13:00 CEST"
    assert moment(NOW - 3 * 86_400, now=NOW).relative == "3 days ago"
    assert moment(NOW, now=NOW).relative == "now"


@pytest.mark.parametrize("epoch", [10**15, -(10**15), 10**17, 253_402_300_799, -62_135_596_800])
def test_moments_at_the_edge_of_the_calendar(epoch: int) -> None:
    for hours in (-12, 14):
        assert moment(epoch, now=NOW, zone=timezone(timedelta(hours=hours))).utc


@pytest.mark.parametrize(
    ("resource", "host", "path", "query"),
    [
        (f"{HOST}/films/*", "cdn.example.com only", "everything below /films/", "any, or none"),
        (
            f"{HOST}/films/a*",
            "cdn.example.com only",
            "every path that begins with /films/a",
            "any, or none",
        ),
        (f"{HOST}/*", "cdn.example.com only", "every path", "any, or none"),
        (
            "https://*.example.com/films/*",
            "every name that ends in .example.com",
            "everything below /films/",
            "any, or none",
        ),
        (
            f"{HOST}/films/*.mp4",
            "cdn.example.com only",
            "everything below /films/ that ends in .mp4",
            "none",
        ),
        (f"{HOST}/*/a.mp4", "cdn.example.com only", "paths of the form /*/a.mp4", "none"),
        (
            f"{HOST}/films/*.mp4?v=*",
            "cdn.example.com only",
            "everything below /films/ that ends in .mp4",
            "of the form v=*",
        ),
        ("*", "every host", "every path", "any, or none"),
        (
            None,
            "any: the statement has no usable Resource",
            "any: the statement has no usable Resource",
            "any: the statement has no usable Resource",
        ),
    ],
)
def test_grants_in_words(
    resource: str | None, host: str, path: str, query: str, p256_key: PrivateKey
) -> None:
    explanation = explained(custom(p256_key, f"{URL}?v=1", text=policy(resource)), p256_key)
    grant = explanation.grant
    assert grant
    assert (grant.host, grant.path, grant.query) == (host, path, query)
    assert grant.ends
    assert grant.ends.epoch == END
    assert grant.viewer == "any address"
    assert grant.key_pair_id == KID


def test_a_policy_without_a_resource_is_a_warning(p256_key: PrivateKey) -> None:
    explanation = explained(custom(p256_key, text=policy(None)), p256_key)
    assert not explanation.refused
    assert [warning.code for warning in explanation.warnings] == ["resource_missing"]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("HTTPS://CDN.Example.com:443", "https://cdn.example.com/"),
        ("http://a.example:80/b#c", "http://a.example/b"),
        ("https://a.example/x/../y/./z", "https://a.example/y/z"),
        ("https://a.example/x/%2e%2E/", "https://a.example/"),
        ("https://a.example/x/..", "https://a.example/"),
        ("https://a.example/ä b?q=ä 'c'", "https://a.example/%C3%A4%20b?q=%C3%A4%20%27c%27"),
        ("https://a.example\\b", "https://a.example/b"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("  https://a.example/\n", "https://a.example/"),
        ("/relative", "/relative"),
        ("ftp://a.example/", "ftp://a.example/"),
    ],
)
def test_what_clients_send(written: str, sent: str) -> None:
    assert as_sent(written) == sent
    assert as_sent(sent) == sent


def test_cookie_text_is_told_from_set_cookie_lines() -> None:
    assert split_cookie_text("Cookie: a=1; b=2") == ("a=1; b=2", ())
    assert split_cookie_text("a=1;\nb=2") == ("a=1; b=2", ())
    lines = ("a=1; Path=/; Secure", "b=2; Path=/")
    assert split_cookie_text("\n".join(lines)) == ("", lines)
    assert split_cookie_text("Set-Cookie: a=1\r\nset-cookie: b=2; Path=/") == (
        "",
        ("a=1", "b=2; Path=/"),
    )
    assert split_cookie_text("") == ("", ())


@pytest.mark.parametrize(
    ("attributes", "set_by", "sent"),
    [
        ("Path=/", None, True),
        ("Path=/films", None, True),
        ("Path=/films/", None, True),
        ("Path=/film", None, False),
        ("Path=/films/*", None, False),
        ("", f"{HOST}/films/login", True),
        ("", f"{HOST}/auth/login", False),
        ("", f"{HOST}/login", True),
        ("Path=/; Domain=example.com", "https://app.example.com/", True),
        ("Path=/; Domain=.Example.com", "https://app.example.com/", True),
        ("Path=/; Domain=example.com", "https://app.example.net/", False),
        ("Path=/; Domain=app.example.com", "https://app.example.com/", False),
        ("Path=/; Domain=com", "https://app.example.com/", False),
        ("Path=/", "https://app.example.com/", False),
        ("Path=/; Secure", "http://cdn.example.com/", False),
        ("Path=/; SameSite=None", None, False),
        ("Path=/; SameSite=None; Secure", None, True),
        ("Path=/; Partitioned", None, False),
        ("Path=/; Max-Age=0", None, False),
        ("Path=/; Max-Age=60; Expires=Wed, 21 Oct 2015 07:28:00 GMT", None, True),
        ("Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT", None, False),
        ("Path=/; Expires=whenever", None, True),
        (f"Path=/{'a' * 4096}", None, False),
    ],
)
def test_whether_browsers_send_a_cookie(attributes: str, set_by: str | None, sent: bool) -> None:
    (fate,) = judge_cookies([f"CloudFront-Policy=x; {attributes}"], url=URL, set_by=set_by, now=NOW)
    assert fate.sent == sent
    assert bool(fate.reason) != sent


def test_secure_cookies_stay_away_from_http() -> None:
    line = "CloudFront-Policy=x; Path=/; Secure"
    (fate,) = judge_cookies([line], url="http://cdn.example.com/", set_by=URL, now=NOW)
    assert not fate.sent
    (local,) = judge_cookies([line], url="http://localhost:8080/", set_by=None, now=NOW)
    assert local.sent


def test_clearing_lines_are_no_cookies() -> None:
    assert judge_cookies(["CloudFront-Policy=; Max-Age=0"], url=URL, set_by=None, now=NOW) == ()


def test_text_for_a_terminal_has_no_control_characters() -> None:
    assert shown("\x1b[31mred\u202e\n") == "\\x1b[31mred\\u202e\\n"
    assert shown("a" * 500) == "a" * 400 + "..."
    url = f"https://cdn.example.com/\x1b]0;x\x07?Expires={END}&Signature=\x1b&Key-Pair-Id=\x1b"
    explanation = explain(ViewerRequest(url), now=NOW)
    assert "\x1b" not in str(explanation.to_dict())


@pytest.mark.parametrize(
    ("text", "data", "damage"),
    [
        ("YWJj", b"abc", ()),
        ("YWI_", b"ab", ()),
        ("YWI=", b"ab", ("standard",)),
        ("YWI", b"ab", ("unpadded",)),
        ("YW\nJj", b"abc", ("white_space",)),
        ('"YWJj"', b"abc", ("quoted",)),
        ("%59WJj", b"abc", ("encoded",)),
        ("Pz8_Pw", b"????", ("url_safe", "unpadded")),
    ],
)
def test_damaged_base64(text: str, data: bytes, damage: tuple[str, ...]) -> None:
    read = read_base64(text)
    assert read.damage == damage
    assert data in read.candidates


def test_what_is_no_base64_has_no_candidates() -> None:
    assert read_base64("###").candidates == ()
    assert read_base64("a").candidates == ()
    assert read_base64("").candidates == ()


@pytest.mark.parametrize(
    "name", ["X-Amz-Signature", "X-Amz-Security-Token", "signature", "x-amz-signature", "SIGNATURE"]
)
def test_signatures_under_other_names_are_cut(name: str) -> None:
    secret = "0123456789abcdefghijklmnop"
    for url in (f"{URL}?{name}={secret}&a=1", f"{URL}?a=1&{name}={secret}"):
        explanation = explain(ViewerRequest(url), now=NOW)
        assert f"{name}=01234567..." in explanation.url
        assert secret not in repr(explanation)


@pytest.mark.parametrize("ampersand", ["&amp;", "&amp;amp;", "&#38;", "&#x26;", "&AMP;"])
@pytest.mark.parametrize("own", ["", "v=1&w=2"])
def test_a_url_escaped_for_html_shows_no_credential(
    p256_key: PrivateKey, own: str, ampersand: str
) -> None:
    url = canned(p256_key, f"{URL}?{own}" if own else URL)
    escaped = url.replace("&", ampersand)
    explanation = explained(escaped, p256_key)
    assert [finding.cause for finding in explanation.causes] == [51]
    assert explanation.signature == "genuine"
    signature = url.partition("Signature=")[2].partition("&")[0]
    assert signature[8:24] not in repr(explanation)
    assert signature[8:24] not in json.dumps(explanation.to_dict())
