"""Grants tables: what they accept, what they refuse and where, and what they give."""

from __future__ import annotations

import json
import string
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.errors import GrantError, ResourceError, SignerError
from signer.grants import MAX_SLOT_VALUES, GrantTable, Permit
from signer.grants.document import read_json, read_toml
from signer.grants.paths import MAX_KEY_BYTES

BASE = "https://media.example.com"
EXAMPLE = """\
version = 1

[[grants]]
name = "team_docs"
path = "/t/{tenant}/docs/*"
ttl = "15m"
transport = "cookies"
cookie_path = "/t/{tenant}/docs/"
[grants.when]
groups = ["staff", "admin"]
[grants.slots]
tenant = "custom:tenant"

[[grants]]
name = "trailers"
path = "/trailers/*"
public = true

[[grants]]
name = "handbook"
path = "/books/handbook.pdf"
transport = "urls"
ttl = 60

[[deny]]
when = { suspended = [true] }
grants = ["team_docs"]
"""
STAFF: dict[str, object] = {"custom:tenant": "acme", "groups": ["staff"]}


def shown(value: object) -> str:
    """Name a parameter shortly, and in every process alike."""
    return ascii(value)[:40] if isinstance(value, str) else type(value).__name__


def table(text: str = EXAMPLE, base_url: str = BASE) -> GrantTable:
    return GrantTable.from_toml(text, base_url=base_url)


def one(fields: str, *, name: str = "g") -> GrantTable:
    return table(f'version = 1\n[[grants]]\nname = "{name}"\n{fields}\n')


def resources(grants: GrantTable, claims: Mapping[str, object] | None) -> list[str]:
    return [permit.resource.removeprefix(BASE) for permit in grants.permits(claims)]


def refused(code: str, text: str, line: int, field: str) -> GrantError:
    with pytest.raises(GrantError) as caught:
        table(text)
    error = caught.value
    assert error.code == code, error
    assert (error.evidence["line"], error.evidence["field"]) == (line, field), error
    place = f"grants.toml:{line}: {field}: " if field else f"grants.toml:{line}: "
    assert error.message.startswith(place)
    assert error.evidence["source"] == "grants.toml"
    return error


# What is given.


def test_a_grant_fills_its_slots_from_claims() -> None:
    first, second, third = table().permits(STAFF)
    assert first == Permit(
        grant="team_docs",
        resource=f"{BASE}/t/acme/docs/*",
        path="/t/acme/docs/*",
        cookie_path="/t/acme/docs/",
        lifetime=timedelta(minutes=15),
        transport="cookies",
    )
    assert (second.path, second.cookie_path) == ("/trailers/*", "/trailers/")
    assert (third.path, third.transport, third.lifetime) == (
        "/books/handbook.pdf",
        "urls",
        timedelta(seconds=60),
    )


def test_without_claims_only_public_grants_are_given() -> None:
    assert resources(table(), None) == ["/trailers/*"]
    assert resources(table(), {}) == ["/trailers/*", "/books/handbook.pdf"]


def test_only_named_grants_are_looked_at() -> None:
    grants = table()
    assert [one.grant for one in grants.permits(STAFF, names=["trailers", "nothing"])] == [
        "trailers"
    ]
    assert grants.permits(STAFF, names=()) == ()
    assert grants.permits(STAFF, names="trailers_and_more") == ()


def test_the_claims_that_a_table_reads_are_known() -> None:
    assert table().needed_claims == {"custom:tenant", "groups", "suspended"}


def test_a_list_gives_one_permit_a_value_and_each_once() -> None:
    courses = one('path = "/c/{course}/*"')
    claims = {"course": ["b", "a", "b", "bad value", "*", None, "a"]}
    assert resources(courses, claims) == ["/c/b/*", "/c/a/*"]


def test_two_lists_give_every_combination() -> None:
    grid = one('path = "/{a}/x/{b}"')
    assert resources(grid, {"a": ["1", "2"], "b": ("3", "4")}) == [
        "/1/x/3",
        "/1/x/4",
        "/2/x/3",
        "/2/x/4",
    ]


@pytest.mark.parametrize(
    ("claims", "fits"),
    [
        ({"a": [str(n) for n in range(MAX_SLOT_VALUES)], "b": "x"}, True),
        ({"a": [str(n) for n in range(MAX_SLOT_VALUES + 1)], "b": "x"}, False),
        ({"a": ["*"] * 1000 + ["1"], "b": "x"}, True),
        ({"a": list("12345"), "b": list("1234")}, True),
        ({"a": list("1234567"), "b": list("123")}, False),
    ],
)
def test_one_grant_gives_twenty_permits_at_most(claims: dict[str, object], fits: bool) -> None:
    grid = one('path = "/{a}/x/{b}/*"')
    if fits:
        assert 1 <= len(grid.permits(claims)) <= MAX_SLOT_VALUES
        return
    with pytest.raises(GrantError) as caught:
        grid.permits(claims)
    assert caught.value.code == "grant_too_many"
    (outcome,) = grid.explain(claims)
    assert (outcome.granted, outcome.refusals[0].code) == (False, "grant_too_many")


@pytest.mark.parametrize("good", ["a", "A-b_9", "x" * 64, 0, 7, 2**63 - 1])
def test_a_slot_takes_plain_text_and_natural_numbers(good: object) -> None:
    assert resources(one('path = "/u/{sub}/*"'), {"sub": good}) == [f"/u/{good}/*"]


@pytest.mark.parametrize(
    "bad",
    ["", "a b", "a/b", "a.b", "..", "a*", "?", "%2a", "a\n", "\u0430dmin", "ａ", "a\x00", "\ud800", "x" * 65]
    + [True, False, -1, 2**63, 10**5000, 1.0, float("nan"), b"a", {"a": 1}, [["a"]], object(), {"a"}],
    ids=shown,
)  # fmt: skip
@pytest.mark.parametrize("listed", [False, True])
def test_a_slot_takes_nothing_else_and_says_so(bad: object, listed: bool) -> None:
    mine = one('path = "/u/{sub}/*"')
    claims = {"sub": [bad] if listed else bad}
    assert mine.permits(claims) == ()
    (outcome,) = mine.explain(claims)
    assert [(refusal.code, refusal.claim) for refusal in outcome.refusals] == [
        ("slot_value", "sub")
    ]
    assert len(outcome.refusals[0].message) < 160


@pytest.mark.parametrize("claims", [{}, {"sub": None}, {"sub": []}])
def test_a_missing_slot_is_told(claims: dict[str, object]) -> None:
    (outcome,) = one('path = "/u/{sub}/*"').explain(claims)
    assert [(refusal.code, refusal.claim) for refusal in outcome.refusals] == [
        ("claim_missing", "sub")
    ]


def test_refused_values_are_told_up_to_a_limit_and_long_ones_not_repeated() -> None:
    mine = one('path = "/u/{sub}/*"')
    (outcome,) = mine.explain({"sub": ["s3cret " * 9, *("a b",) * 50, "fine"]})
    assert outcome.granted
    assert len(outcome.refusals) == MAX_SLOT_VALUES
    assert "a text of 63 characters" in outcome.refusals[0].message
    assert "'a b'" in outcome.refusals[1].message


def test_a_hashed_slot_takes_any_text() -> None:
    mine = one('path = "/u/{mail}/*"\nslots = { mail = { claim = "email", hash = true } }')
    # printf ada@example.com | sha256sum
    assert resources(mine, {"email": "ada@example.com"}) == [
        "/u/b5fc85e55755f9e0d030a10ab4429b6b/*"
    ]
    for value in ("", "\ud800", "x" * 1025, 1.5, True, -1, {}):
        assert mine.permits({"email": value}) == ()
    assert len(mine.permits({"email": ["x" * 1024, 5, "\u00e9", "../*"]})) == 4


def test_a_slot_table_without_a_claim_means_the_claim_of_its_name() -> None:
    mine = one('path = "/u/{sub}/*"\nslots.sub.hash = false')
    assert resources(mine, {"sub": "ada"}) == ["/u/ada/*"]


@pytest.mark.parametrize(
    ("wanted", "given_", "matches"),
    [
        ('["staff"]', "staff", True),
        ('["staff"]', ["other", "staff"], True),
        ('["staff"]', ("staff",), True),
        ('["staff"]', "Staff", False),
        ('["staff"]', "staff,other", False),
        ('["staff"]', [["staff"]], False),
        ('["staff"]', {"staff": 1}, False),
        ('["staff"]', [], False),
        ('["1"]', 1, False),
        ("[1]", 1, True),
        ("[1]", True, False),
        ("[1]", 1.0, False),
        ("[1]", "1", False),
        ("[0]", False, False),
        ("[true]", True, True),
        ("[true]", 1, False),
        ("[true]", "true", False),
        ("[false, 2]", 2, True),
    ],
)
def test_conditions_compare_kind_and_value(wanted: str, given_: object, matches: bool) -> None:
    grants = one(f'path = "/a/*"\nwhen = {{ c = {wanted} }}')
    assert bool(grants.permits({"c": given_})) is matches
    (outcome,) = grants.explain({"c": given_})
    assert outcome.granted is matches
    if not matches:
        assert outcome.refusals[0].code == ("claim_missing" if given_ == [] else "claim_mismatch")
        assert outcome.refusals[0].claim == "c"


def test_every_condition_must_be_met() -> None:
    grants = one('path = "/a/*"\nwhen = { a = [1], b = ["x", "y"] }')
    assert grants.permits({"a": 1, "b": "y"})
    assert not grants.permits({"a": 1})
    assert not grants.permits({"b": "y"})


@pytest.mark.parametrize(
    ("wanted", "given_", "denied"),
    [
        ("[true]", True, True),
        ("[true]", "true", True),
        ("[true]", "TRUE", True),
        ("[true]", 1, False),
        ("[true]", False, False),
        ("[true]", "no", False),
        ("[true]", None, False),
        ("[true]", [], False),
        ("[true]", [False, "True"], True),
        ('["5"]', 5, True),
        ("[-5]", "-5", True),
        ("[5]", 2**63, True),
        ("[5]", -(10**5000), True),
        ('["blocked"]', "Blocked", True),
        ('["blocked"]', {"a": "b"}, True),
        ('["blocked"]', 1.5, True),
        ('["blocked"]', [["x"]], True),
        ('["blocked"]', "unblocked", False),
    ],
    ids=shown,
)
def test_in_a_deny_row_doubt_denies(wanted: str, given_: object, denied: bool) -> None:
    grants = one(f'path = "/a/*"\n[[deny]]\nwhen = {{ c = {wanted} }}')
    assert bool(grants.permits({"c": given_})) is not denied
    (outcome,) = grants.explain({"c": given_})
    if denied:
        assert [(refusal.code, refusal.message) for refusal in outcome.refusals] == [
            ("denied", "deny row 1 (line 5) takes it away")
        ]


def test_deny_rows_win_over_public_grants_and_name_what_they_take() -> None:
    grants = table()
    assert resources(grants, {**STAFF, "suspended": True}) == ["/trailers/*", "/books/handbook.pdf"]
    everything = table(EXAMPLE.replace('grants = ["team_docs"]', ""))
    assert resources(everything, {**STAFF, "suspended": True}) == []
    assert resources(everything, None) == ["/trailers/*"]


def test_every_condition_of_a_deny_row_must_be_met() -> None:
    grants = one('path = "/a/*"\n[[deny]]\nwhen = { a = [1], b = [2] }')
    assert grants.permits({"a": 1})
    assert not grants.permits({"a": 1, "b": 2})


def test_an_explanation_has_every_grant_in_order() -> None:
    outcomes = table().explain(None)
    assert [(one.grant, one.granted) for one in outcomes] == [
        ("team_docs", False),
        ("trailers", True),
        ("handbook", False),
    ]
    assert outcomes[0].refusals[0].code == "login_needed"
    assert outcomes[0].refusals[0].claim is None
    assert outcomes[1].refusals == ()


@pytest.mark.parametrize("claims", [[], "sub", 5, [("sub", "ada")]])
def test_claims_are_a_mapping(claims: Any) -> None:
    for ask in (table().permits, table().explain, table().possible_cookie_paths):
        with pytest.raises(GrantError) as caught:
            ask(claims)
        assert caught.value.code == "claims_type"


def test_the_whole_site_needs_an_opt_in() -> None:
    grants = one('path = "/*"\nallow_entire_distribution = true')
    (permit,) = grants.permits({})
    assert (permit.resource, permit.cookie_path) == (f"{BASE}/*", "/")
    assert permit.item_path("a/b.txt") == "/a/b.txt"


def test_a_permit_made_by_hand_is_checked_too() -> None:
    with pytest.raises(ResourceError):
        Permit("g", f"{BASE}/*", "/*", "/", timedelta(minutes=1), "cookies")


def test_literal_names_are_encoded_as_clients_send_them() -> None:
    (permit,) = one('path = "/Fotos 2030/\u00dcbersicht~v1.0/*"').permits({})
    assert permit.path == "/Fotos%202030/%C3%9Cbersicht~v1.0/*"
    assert permit.item_path("a.jpg") == "/Fotos%202030/%C3%9Cbersicht~v1.0/a.jpg"
    assert permit.item_path("/Fotos 2030/\u00dcbersicht~v1.0/a.jpg") == permit.item_path("a.jpg")


def test_json_says_the_same() -> None:
    as_json = json.dumps(tomllib.loads(EXAMPLE), indent=2)
    other = GrantTable.from_json(as_json, base_url=BASE)
    assert other.permits(STAFF) == table().permits(STAFF)
    assert other.needed_claims == table().needed_claims


# Cookie paths.


def test_a_cookie_path_may_be_a_directory_above() -> None:
    grants = one('path = "/t/{tenant}/docs/*"\ncookie_path = "/t/{tenant}/"')
    assert grants.permits({"tenant": "a"})[0].cookie_path == "/t/a/"
    assert one('path = "/docs/*"\ncookie_path = "/"').permits({})[0].cookie_path == "/"
    assert (
        one('path = "/docs/a.pdf"\ncookie_path = "/docs/"').permits({})[0].cookie_path == "/docs/"
    )


def test_a_grant_of_one_file_sets_its_cookies_on_that_file() -> None:
    assert one('path = "/docs/a.pdf"').permits({})[0].cookie_path == "/docs/a.pdf"


def test_possible_cookie_paths_disregard_conditions() -> None:
    grants = table()
    assert grants.possible_cookie_paths({"custom:tenant": ["a", "b"], "suspended": True}) == (
        "/t/a/docs/",
        "/t/b/docs/",
        "/trailers/",
    )
    assert grants.possible_cookie_paths(None) == ("/trailers/",)
    many = {"custom:tenant": [f"t{n}" for n in range(30)]}
    assert grants.possible_cookie_paths(many) == ("/trailers/",)


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/t/acme/docs/", True),
        ("/t/other_1/docs/", True),
        ("/trailers/", True),
        ("/trailers", False),
        ("/trailers//", False),
        ("trailers/", False),
        ("/t//docs/", False),
        ("/t/a.b/docs/", False),
        ("/t/a/docs/\r\n", False),
        ("/t/a;b/docs/", False),
        ("/t/a\n/docs/", False),
        ("/t/a/b/docs/", False),
        ("/books/handbook.pdf", False),
        ("", False),
        ("/", False),
        (None, False),
        (5, False),
    ],
)
def test_only_cookie_paths_of_the_table_are_known(path: object, known: bool) -> None:
    assert table().is_cookie_path(path) is known


def test_a_file_is_a_cookie_path_without_a_slash() -> None:
    grants = one('path = "/f/{id}"')
    assert grants.is_cookie_path("/f/a")
    assert not grants.is_cookie_path("/f/a/")
    assert one('path = "/*"\nallow_entire_distribution = true').is_cookie_path("/")


PAIRS = [
    ("/t/{a}/*", "/t/x/*", True),
    ("/t/{a}/*", "/t/{b}/*", True),
    ("/t/{a}/docs/*", "/t/{b}/films/*", False),
    ("/a/*", "/a/b/*", True),
    ("/a/b/*", "/a/*", True),
    ("/a/*", "/ab/*", False),
    ("/a/*", "/A/*", False),
    ("/a/x", "/a/y", False),
    ("/a/x", "/a/x/*", True),
    ("/a/x", "/a/*", True),
    ("/{a}/x/*", "/y/{b}/*", True),
    ("/{a}/x/*", "/y/z/*", False),
]


@pytest.mark.parametrize(("one_path", "other_path", "overlap"), PAIRS)
def test_overlapping_cookie_paths_are_refused(
    one_path: str, other_path: str, overlap: bool
) -> None:
    def text(extra: str = "") -> str:
        return (
            f'version = 1\n[[grants]]\nname = "a"\npath = "{one_path}"\n'
            f'[[grants]]\nname = "b"\npath = "{other_path}"\n{extra}'
        )

    table(text('transport = "urls"\n'))
    if overlap:
        error = refused("grants_overlap", text(), 7, "grants[1].path")
        assert "the grant a on line 2" in error.message
    else:
        table(text())


def test_the_whole_site_overlaps_with_everything() -> None:
    text = 'version = 1\n[[grants]]\nname = "a"\npath = "/*"\nallow_entire_distribution = true\n[[grants]]\nname = "b"\npath = "/x/{y}/*"\n'
    refused("grants_overlap", text, 8, "grants[1].path")


def test_cookie_paths_decide_about_overlaps() -> None:
    refused(
        "grants_overlap",
        'version = 1\n[[grants]]\nname = "a"\npath = "/a/x/*"\ncookie_path = "/a/"\n[[grants]]\nname = "b"\npath = "/a/y/*"\n',
        8,
        "grants[1].path",
    )


@given(st.data())
def test_what_is_loaded_never_sends_two_sets_with_one_request(data: st.DataObject) -> None:
    """Held against browsers' own rule (RFC 6265, section 5.1.4), written down here anew."""
    segment = st.sampled_from(["a", "b", "{s}", "{t}"])
    paths = data.draw(
        st.lists(st.lists(segment, min_size=1, max_size=3, unique=True), min_size=2, max_size=3)
    )
    ending = data.draw(st.sampled_from(["/*", ""]))
    text = "version = 1\n" + "".join(
        f'[[grants]]\nname = "g{n}"\npath = "/{"/".join(path)}{ending}"\n'
        for n, path in enumerate(paths)
    )
    values = st.sampled_from(["a", "b", "c"])
    try:
        grants = table(text)
    except GrantError as error:
        assert error.code == "grants_overlap"
        return
    permits = grants.permits({"s": data.draw(values), "t": data.draw(values)})
    for request in [p.path.replace("*", "x/y") for p in permits]:
        assert sum(path_match(request, permit.cookie_path) for permit in permits) == 1


def path_match(request: str, cookie: str) -> bool:
    return request == cookie or (
        request.startswith(cookie) and (cookie.endswith("/") or request[len(cookie)] == "/")
    )


# Items.


def docs() -> Permit:
    return table().permits(STAFF)[0]


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ("a.pdf", "a.pdf"),
        ("x/y/z.tar.gz", "x/y/z.tar.gz"),
        ("May 2030.pdf", "May%202030.pdf"),
        ("caf\u00e9.jpg", "caf%C3%A9.jpg"),
        ("a+b&c=d#e'f\"g@h;i", "a%2Bb%26c%3Dd%23e%27f%22g%40h%3Bi"),
        ("...", "..."),
        (".well-known", ".well-known"),
        ("/t/acme/docs/a.pdf", "a.pdf"),
        ("\U0001f600", "%F0%9F%98%80"),
        ("x" * MAX_KEY_BYTES, "x" * MAX_KEY_BYTES),
    ],
    ids=shown,
)
def test_an_item_is_a_path_inside_the_permit(item: str, path: str) -> None:
    assert docs().item_path(item) == f"/t/acme/docs/{path}"
    assert docs().item_url(item) == f"{BASE}/t/acme/docs/{path}"


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (None, "item_type"),
        (b"a.pdf", "item_type"),
        ("", "item_empty"),
        ("/t/acme/docs/", "item_empty"),
        ("a\x00", "item_control"),
        ("a\r\nb", "item_control"),
        ("a\u2028", "item_control"),
        ("\ud800", "item_control"),
        ("*", "item_wildcard"),
        ("a?b", "item_wildcard"),
        ("%2e%2e/x", "item_percent"),
        ("100%", "item_percent"),
        ("a\\b", "item_backslash"),
        ("a//b", "item_segment"),
        ("a/", "item_segment"),
        ("/t/acme/docs//x", "item_segment"),
        (".", "item_dot_segment"),
        ("..", "item_dot_segment"),
        ("a/../b", "item_dot_segment"),
        ("a/./b", "item_dot_segment"),
        ("\u2024\u2024/x", "item_dot_segment"),
        ("\uff0e\uff0e", "item_dot_segment"),
        (" .. ", "item_dot_segment"),
        ("\u2025/x", "item_dot_segment"),
        ("/a.pdf", "item_outside"),
        ("//media.example.com/a", "item_outside"),
        ("/t/other/docs/a.pdf", "item_outside"),
        ("/t/acme/docsx", "item_outside"),
        ("x" * (MAX_KEY_BYTES + 1), "item_too_long"),
        ("\u00e9" * 513, "item_too_long"),
    ],
    ids=shown,
)
def test_an_item_that_is_not_a_plain_name_is_refused(item: Any, code: str) -> None:
    with pytest.raises(GrantError) as caught:
        docs().item_path(item)
    assert caught.value.code == code


@pytest.mark.parametrize("item", ["", "handbook.pdf", "/books/handbook.pdf"])
def test_a_grant_of_one_file_has_one_item(item: str) -> None:
    permit = table().permits({}, names=["handbook"])[0]
    assert permit.item_path(item) == "/books/handbook.pdf"
    for other in ("other.pdf", "handbook.pdf/x", "/books/handbook.pdfx", "/handbook.pdf"):
        with pytest.raises(GrantError) as caught:
            permit.item_path(other)
        assert caught.value.code == "item_outside"


# What is refused when a table is loaded, and where.

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
    "/" + "/".join("{%s}" % name for name in string.ascii_lowercase) + "/*",
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


@pytest.mark.parametrize(
    "base_url",
    ["", None, 5, "media.example.com", "ftp://x.example", "https://", "https://*.example.com"]
    + ["https://media.example.com/a", "https://media.example.com?x=1", "https://media.example.com#x"]
    + ["https://u:p@media.example.com", "http://media.example.com", "http://127.0.0.1.example.com"]
    + ["http://localhost.example.com", "http://127.0.0.1:1@evil.example", "https://a\\b.example", "https://a.example/\n"],
)  # fmt: skip
def test_any_other_base_url_is_refused(base_url: Any) -> None:
    with pytest.raises(GrantError) as caught:
        table(base_url=base_url)
    assert caught.value.code == "grant_base_url"


# Lines, held against files that are generated together with the line of every key.

KEYS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=5)
ODD_KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
COMMENTS = st.sampled_from(
    ["", "", " # plain", ' # "quoted" = 1', " # '''", ' # """', " # [[x]]", " # {"]
)
VALUES = st.sampled_from(
    ["1", "-0.5", "true", "1979-05-27 07:32:00", "07:32:00", "'''\n[x]\n\n# = '''", '"""a\\"\n\n"b""c"""""', '"""\\\\"""']
    + ['"#\\"]"', "'\\'", '""', "''", '["]", \'[\', """\n""", {a = "}"}]', "[\n1, # ]\n2,\n]", "[]", "{}", "[[1, 2], [\n3]]", "''''x'''''"]
)  # fmt: skip


def quoted(key: str) -> str:
    return (
        key
        if key and all(c.isascii() and (c.isalnum() or c in "_-") for c in key)
        else json.dumps(key, ensure_ascii=False)
    )


@st.composite
def toml_files(draw: st.DrawFn) -> tuple[str, dict[tuple[str | int, ...], int]]:
    """Draw a file, and the line of every key and header as they are written."""
    lines: list[str] = []
    places: dict[tuple[str | int, ...], int] = {}

    def write(text: str) -> int:
        number = sum(line.count("\n") + 1 for line in lines) + 1
        lines.append(text + draw(COMMENTS))
        return number

    def pairs(around: tuple[str | int, ...]) -> None:
        for key in draw(st.lists(KEYS | ODD_KEYS, max_size=3, unique=True)):
            for _ in range(draw(st.integers(0, 2))):
                write("")
            space = draw(st.sampled_from(["", " ", "\t"]))
            places[(*around, f"k{key}")] = write(
                f"{space}{quoted(f'k{key}')}{space}={space}{draw(VALUES)}"
            )

    pairs(())
    for name in draw(st.lists(KEYS, max_size=3, unique=True)):
        if draw(st.booleans()):
            for index in range(draw(st.integers(1, 3))):
                places[(f"t{name}", index)] = write(f"[[ t{name} ]]")
                pairs((f"t{name}", index))
                places[(f"t{name}", index, "s")] = write(f'["t{name}" . s]')
                pairs((f"t{name}", index, "s"))
        else:
            places[(f"t{name}",)] = write(f"[t{name}]")
            pairs((f"t{name}",))
            places[(f"t{name}", "d", "e")] = write("d . 'e' = 1")
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(lines).replace("\r\n", "\n").replace("\n", end), places


@given(toml_files())
def test_lines_of_toml_are_right(drawn: tuple[str, dict[tuple[str | int, ...], int]]) -> None:
    text, places = drawn
    lines = read_toml(text, "f.toml")._lines
    assert {place: lines.line(place) for place in places} == places


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=4), st.booleans())
def test_lines_of_json_are_right(document: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=ascii_only)
    places: dict[tuple[str | int, ...], int] = {}
    counted = 0

    def count(value: object, place: tuple[str | int, ...]) -> None:
        """Walk in the order in which json writes: with an indent, each item is on its own line."""
        nonlocal counted
        if isinstance(value, dict | list) and value:
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in inner:
                counted += 1
                places[(*place, key)] = counted + 1
                count(item, (*place, key))
            counted += 1

    count(document, ())
    lines = read_json(text, "f.json")._lines
    assert {place: lines.line(place) for place in places} == places
    assert lines.repeated == []


@given(st.text())
def test_any_text_is_a_table_or_a_typed_error(text: str) -> None:
    for read in (GrantTable.from_toml, GrantTable.from_json):
        with pytest.raises(SignerError):
            read(text, base_url=BASE)
