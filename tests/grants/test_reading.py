"""What is refused when a table is loaded, and where the error points."""

from __future__ import annotations

import json
import string

import pytest

from signer.errors import GrantError
from signer.grants import GrantTable
from tests.grants.tables import BASE, EXAMPLE, refused, shown, table

HEAD = 'version = 1\n[[grants]]\nname = "g"\npath = "/a/{s}/*"\n'
FAULTS = [
    ("", "grants_version", 1, "version"),
    ("version = 2", "grants_version", 1, "version"),
    ("version = true", "grants_version", 1, "version"),
    ('version = "1"', "grants_version", 1, "version"),
    ("version = 1", "grants_missing", 1, "grants"),
    ("version = 1\n# nothing\ngrants = []", "grants_missing", 3, "grants"),
    ("version = 1\ngrants = 5", "grants_type", 2, "grants"),
    ("version = 1\ngrants = [\n5]", "grants_type", 3, "grants[0]"),
    ('version = 1\n[[grants]]\npath = "/a/*"', "grants_missing", 2, "grants[0].name"),
    ('version = 1\n[[grants]]\nname = "a b"', "grants_name", 3, "grants[0].name"),
    ('version = 1\n[[grants]]\nname = "-a"', "grants_name", 3, "grants[0].name"),
    ("version = 1\n[[grants]]\nname = 5", "grants_type", 3, "grants[0].name"),
    ('version = 1\n[[grants]]\nname = "g"', "grants_missing", 2, "grants[0].path"),
    (HEAD + "pth = 1", "grants_unknown_field", 5, "grants[0].pth"),
    (HEAD + "[grant]\nx = 1", "grants_unknown_field", 5, "grant"),
    (HEAD + 'ttl = "9s"', "grants_ttl", 5, "grants[0].ttl"),
    (HEAD + 'ttl = "8d"', "grants_ttl", 5, "grants[0].ttl"),
    (HEAD + 'ttl = "15 m"', "grants_ttl", 5, "grants[0].ttl"),
    (HEAD + 'ttl = "-15m"', "grants_ttl", 5, "grants[0].ttl"),
    (HEAD + 'ttl = "\u0661\u0662m"', "grants_ttl", 5, "grants[0].ttl"),
    (HEAD + "ttl = 9", "grants_ttl", 5, "grants[0].ttl"),
    (HEAD + "ttl = -60", "grants_ttl", 5, "grants[0].ttl"),
    (HEAD + "ttl = 604801", "grants_ttl", 5, "grants[0].ttl"),
    (HEAD + "ttl = 60.0", "grants_ttl", 5, "grants[0].ttl"),
    (HEAD + "ttl = true", "grants_ttl", 5, "grants[0].ttl"),
    (HEAD + "ttl = 07:32:00", "grants_ttl", 5, "grants[0].ttl"),
    (HEAD + 'transport = "cookie"', "grants_choice", 5, "grants[0].transport"),
    (HEAD + "public = 1", "grants_type", 5, "grants[0].public"),
    (HEAD + "public = true", "grants_public", 5, "grants[0].public"),
    (HEAD + "allow_entire_distribution = true", "grants_too_broad", 5, "grants[0].allow_entire_distribution"),
    (HEAD + "when = {}", "grants_empty", 5, "grants[0].when"),
    (HEAD + "when = 5", "grants_type", 5, "grants[0].when"),
    (HEAD + "[grants.when]\nx = []", "grants_empty", 6, "grants[0].when.x"),
    (HEAD + '[grants.when]\nx = "y"', "grants_type", 6, "grants[0].when.x"),
    (HEAD + '[grants.when]\nx = [\n"y",\n1.5]', "grants_type", 8, "grants[0].when.x[1]"),
    (HEAD + "[grants.when]\nx = [0x8000000000000000]", "grants_type", 6, "grants[0].when.x[0]"),
    (HEAD + '[grants.when]\n"a b\\n" = 1', "grants_type", 6, "grants[0].when.'a b\\n'"),
    (HEAD + '[grants.slots]\nt = "x"', "grants_slot", 6, "grants[0].slots.t"),
    (HEAD + "[grants.slots]\ns = 5", "grants_type", 6, "grants[0].slots.s"),
    (HEAD + "[grants.slots.s]\nhash = 5", "grants_type", 6, "grants[0].slots.s.hash"),
    (HEAD + "[grants.slots.s]\nhsh = true", "grants_unknown_field", 6, "grants[0].slots.s.hsh"),
    (HEAD + 'cookie_path = "/a/{s}"', "grants_cookie_path", 5, "grants[0].cookie_path"),
    (HEAD + 'cookie_path = "/a/"', "grants_cookie_path", 5, "grants[0].cookie_path"),
    (HEAD + 'cookie_path = "/a/{t}/"', "grants_cookie_path", 5, "grants[0].cookie_path"),
    (HEAD + 'cookie_path = "/a/{s}/b/"', "grants_cookie_path", 5, "grants[0].cookie_path"),
    (HEAD + 'cookie_path = "a/"', "grants_path", 5, "grants[0].cookie_path"),
    (HEAD + 'cookie_path = "/a/{s}/"\ntransport = "urls"', "grants_cookie_path", 5, "grants[0].cookie_path"),
    ('version = 1\n[[grants]]\nname = "g"\npath = "/a/b"\ncookie_path = "/a/b/"', "grants_cookie_path", 5, "grants[0].cookie_path"),
    (HEAD + "[[deny]]", "grants_missing", 5, "deny[0].when"),
    (HEAD + "[[deny]]\nwhen.a = [1]\ngrants = []", "grants_empty", 7, "deny[0].grants"),
    (HEAD + '[[deny]]\nwhen.a = [1]\ngrants = [\n"g",\n"h"]', "grants_deny", 9, "deny[0].grants[1]"),
    (HEAD + "[[deny]]\nwhen.a = [1]\ngrants = [5]", "grants_deny", 7, "deny[0].grants[0]"),
    (HEAD + "[[deny]]\nwhen.a = [1]\nwho = 1", "grants_unknown_field", 7, "deny[0].who"),
    (HEAD + '[[grants]]\nname = "g"\npath = "/b/*"', "grants_duplicate", 6, "grants[1].name"),
    ("version = 1\n[[grants]\n", "grants_syntax", 2, ""),
    ("version = 1\nversion = 1", "grants_syntax", 2, ""),
    ('version = "\n', "grants_syntax", 1, ""),
    ("version =", "grants_syntax", 1, ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "field"), FAULTS, ids=shown)
def test_what_is_wrong_is_named_with_line_and_field(
    text: str, code: str, line: int, field: str
) -> None:
    refused(code, text, line, field)
    # Comments, blank lines and another end of line change the line and nothing else.
    if field and text not in {"", "version = 1"}:
        refused(code, "# a\r\n\r\n" + text.replace("\n", " # '''\r\n") + "\r\n", line + 2, field)


PATHS = [
    "", "a/*", "/a/", "/", "//*", "/a//b/*", "/a*", "/a/*.jpg", "/*/a", "/a/*/*", "/a/**", "/a/b?",
    "/a/{s", "/a/s}/*", "/a/{s}x/*", "/a/x{s}/*", "/{}/*", "/{1a}/*", "/{s}/{s}/*", "/./*", "/../*",
    "/a/../b", "/%41/*", "/a%2fb/*", "/a\\b/*", "/a\u0000/*", "/a b /*", "/ a/*", "/a#b/*", "/a+b/*",
    "/a'b/*", "/caf\u0065\u0301/*", "/\u202ea/*", "/\u2028/*", "/{s}/*\n", "/" + "x" * 1024,
    "/{" + "}/{".join(string.ascii_lowercase) + "}/*",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=shown)
def test_a_path_is_literal_segments_slots_and_a_last_star(path: str) -> None:
    refused(
        "grants_path",
        f'version = 1\n[[grants]]\nname = "g"\npath = {json.dumps(path)}',
        4,
        "grants[0].path",
    )


def test_the_whole_site_is_refused_without_the_opt_in() -> None:
    refused(
        "grants_too_broad", 'version = 1\n[[grants]]\nname = "g"\npath = "/*"', 4, "grants[0].path"
    )


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("ttll = 5", "ttl"),
        ("transpot = 5", "transport"),
        ('transport = "url"', "urls"),
        ("[[denny]]", "deny"),
    ],
)
def test_a_misspelt_word_is_recognised(wrong: str, meant: str) -> None:
    with pytest.raises(GrantError, match=f"did you mean {meant}\\?"):
        table(HEAD + wrong)


def test_a_misspelt_grant_in_a_deny_row_is_recognised() -> None:
    with pytest.raises(GrantError, match=r"did you mean team_docs\?"):
        table(EXAMPLE.replace('["team_docs"]', '["team-docs"]'))


@pytest.mark.parametrize(
    ("text", "code", "line", "field"),
    [
        ('{\n"version": 1,\n"version": 1}', "grants_duplicate", 3, "version"),
        ('{"version": 1, "grants": [\n{"name": "a", "path": "/a/*"},\n{"name": "b",\n"name": "c"}]}', "grants_duplicate", 4, "grants[1].name"),
        ('{\n"version": NaN}', "grants_syntax", 1, ""),
        ('{"version": 1,\n}', "grants_syntax", 2, ""),
        ("", "grants_syntax", 1, ""),
        ("[1]", "grants_type", 1, ""),
        ("5", "grants_type", 1, ""),
        ('{"version": 1,\n\n"gr\\u0061nts": null}', "grants_type", 3, "grants"),
        ('{"version": 1,\n"grants": [{"name": "a",\n "path": "/a/*",\n"ttl": "x\\"}]"}]}', "grants_ttl", 4, "grants[0].ttl"),
        ('{"version": 1, "grants": [{"name": "a", "path": "/a/{s}/*", "slots": {"s":\n{"claim": null}}}]}', "grants_type", 2, "grants[0].slots.s.claim"),
        ('{"version": ' + "9" * 5000 + "}", "grants_syntax", 1, ""),
    ],
    ids=shown,
)  # fmt: skip
def test_json_is_told_like_toml(text: str, code: str, line: int, field: str) -> None:
    with pytest.raises(GrantError) as caught:
        GrantTable.from_json(text, base_url=BASE, source="g.json")
    error = caught.value
    assert (error.code, error.evidence["line"], error.evidence["field"]) == (code, line, field), (
        error
    )


def test_a_text_is_wanted_of_reasonable_size_and_depth() -> None:
    for read in (GrantTable.from_toml, GrantTable.from_json):
        for text, code in (
            (b"version = 1", "grants_type"),
            ("#" * 1_000_001, "grants_too_large"),
        ):
            with pytest.raises(GrantError) as caught:
                read(text, base_url=BASE)  # type: ignore[arg-type]
            assert caught.value.code == code
    for read, text in (
        (GrantTable.from_toml, "x = " + "[" * 50_000 + "]" * 50_000),
        (GrantTable.from_json, "[" * 50_000 + "]" * 50_000),
    ):
        with pytest.raises(GrantError) as caught:
            read(text, base_url=BASE)
        assert caught.value.code == "grants_syntax"
        assert "nested too deeply" in caught.value.message


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://media.example.com", "https://media.example.com"),
        ("https://media.example.com/", "https://media.example.com"),
        ("HTTPS://Media.Example.com:443", "https://media.example.com"),
        ("https://m\u00fcnchen.example", "https://xn--mnchen-3ya.example"),
        ("https://media.example.com:8443", "https://media.example.com:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://localhost", "http://localhost"),
        ("http://cdn.localhost:8000", "http://cdn.localhost:8000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_base_url_is_scheme_and_host(base_url: str, origin: str) -> None:
    grants = table(base_url=base_url)
    assert grants.base_url == origin
    assert grants.permits(None)[0].resource == f"{origin}/trailers/*"


NOT_BASES = [
    "", None, 5, "media.example.com", "ftp://x.example", "https://", "https://*.example.com",
    "https://media.example.com/a", "https://media.example.com?x=1", "https://media.example.com#x",
    "https://u:p@media.example.com", "http://media.example.com", "http://127.0.0.1.example.com",
    "http://localhost.example.com", "http://127.0.0.1:1@evil.example", "https://a\\b.example",
    "https://a.example/\n", "http://localhost:1/x",
]  # fmt: skip


@pytest.mark.parametrize("base_url", NOT_BASES, ids=shown)
def test_any_other_base_url_is_refused(base_url: object) -> None:
    with pytest.raises(GrantError) as caught:
        table(base_url=base_url)  # type: ignore[arg-type]
    assert caught.value.code == "grant_base_url"
