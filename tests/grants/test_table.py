"""What a table gives to whom, and how it explains itself."""

from __future__ import annotations

import json
import tomllib
from datetime import timedelta

import pytest

from signer.errors import GrantError, ResourceError
from signer.grants import MAX_SLOT_VALUES, GrantTable, Permit
from tests.grants.tables import BASE, EXAMPLE, STAFF, one, resources, shown, table


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


BAD_TEXTS = [
    "", "a b", "a/b", "a.b", "..", "a*", "?", "%2a", "a\n", "\u0430dmin", "\uff41", "a\x00", "\ud800", "x" * 65,
]  # fmt: skip
BAD_VALUES = [
    True, False, -1, 2**63, 10**5000, 1.0, float("nan"), b"a", {"a": 1}, [["a"]], object(), {"a"},
]  # fmt: skip


@pytest.mark.parametrize("bad", [*BAD_TEXTS, *BAD_VALUES], ids=shown)
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
    unusable: tuple[object, ...] = ("", "\ud800", "x" * 1025, 1.5, True, -1, {})
    for value in unusable:
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
def test_claims_are_a_mapping(claims: object) -> None:
    for ask in (table().permits, table().explain, table().possible_cookie_paths):
        with pytest.raises(GrantError) as caught:
            ask(claims)  # type: ignore[arg-type]
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
