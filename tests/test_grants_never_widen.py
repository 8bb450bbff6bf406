"""Nothing that a client or an identity provider sends opens more than the table's author wrote.

What a template may open at most is written down here anew, as a regular expression over the path
of a request: a slot stands for one segment of plain characters. Tables, claims and items are
generated; what is made from them is presented to a :class:`signer.Verifier` with requests inside
and outside, other tenants' among them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from signer import Issuer, PrivateKey, TrustedKeyGroup, Verifier, ViewerRequest
from signer.access import Access
from signer.assumptions import Assumptions
from signer.errors import SignerError
from signer.grants import GrantTable, Permit
from tests.generated_claims import Claims
from tests.grants.tables import jar

BASE = "https://media.example.com"
NOW = 1_800_000_000
KID = "K2JCJMDEHXQW5F"
KEY = PrivateKey.generate()
ISSUER = Issuer(KEY, key_pair_id=KID, clock=lambda: NOW)
# Both readings of a wildcard, and no refusal of dot segments to hide behind.
LENIENT = Assumptions(dot_segments_denied=False, percent_encoding_matters=True)
VERIFIERS = [
    Verifier([TrustedKeyGroup({KID: KEY.public_key()})], assumptions=rules, clock=lambda: NOW)
    for rules in (LENIENT, replace(LENIENT, cookie_wildcards_anywhere=False))
]
TEMPLATES = {
    "docs": "/t/{tenant}/docs/*",
    "mine": "/u/{sub}/*",
    "photo": "/photos/{tenant}/{sub}",
    "film": "/films/{film}/master.m3u8",
    "mail": "/mail/{mail}/*",
    "free": "/free/*",
}
TABLE = GrantTable.from_toml(
    f"""
version = 1
[[grants]]
name = "docs"
path = "{TEMPLATES["docs"]}"
when = {{ groups = ["staff", 7, true] }}
[[grants]]
name = "mine"
path = "{TEMPLATES["mine"]}"
[[grants]]
name = "photo"
path = "{TEMPLATES["photo"]}"
[[grants]]
name = "film"
path = "{TEMPLATES["film"]}"
transport = "urls"
[[grants]]
name = "mail"
path = "{TEMPLATES["mail"]}"
slots = {{ mail = {{ claim = "email", hash = true }} }}
[[grants]]
name = "free"
path = "{TEMPLATES["free"]}"
public = true
[[deny]]
when = {{ suspended = [true] }}
""",
    base_url=BASE,
)
ACCESS = Access(TABLE, ISSUER, clock=lambda: NOW)
FEW = settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
# More than 10,000 sets of claims in a run. Cookies ask for everything at once and take ten times as long.
MANY_FOR_COOKIES, MANY_FOR_URLS = 2_500, 8_000

HOSTILE = [
    "*", "?", "a*", "*a", "%2a", "%2A", "%3f", "..", ".", "../b", "a/b", "a/../b", "a\\..\\b", "%2e%2e", "%2F",
    "..%2f", "%252e", "a//b", "/", "//", "", " ", "a b", "a\n", "a\r\nSet-Cookie: x=y", "\x00", "a\x00", "\ud800",
    "a\udfff", "\u202e", "\uff0f", "\u2024\u2024", "\u2025", "\uff0e\uff0e", "\u0430cme", "ac\u200bme", "\u212a",
    "\u0661", "\u017f", "#", "a#b", "a?b", "a;b", "a;Path=/", "{tenant}", "{sub}", "acme\u0301", "x" * 64, "x" * 65,
    "x" * 5000, "http://evil.example/", "@", "~", "a.b", "$(id)", "'", '"', '"}],"x":[{', "\\u002a", "b", "other",
]  # fmt: skip
ORDINARY = ["acme", "other", "a", "A", "1", "-", "_", "staff", "true", "x" * 64]
PLAIN = st.sampled_from(ORDINARY)
TEXTS = PLAIN | st.sampled_from(HOSTILE) | st.text(max_size=12) | st.text("a/.*?%\\", max_size=8)
SCALARS = (
    TEXTS
    | st.integers()
    | st.sampled_from([0, 1, -1, 7, 2**63, 10**4000])
    | st.booleans()
    | st.floats()
    | st.none()
    | st.binary(max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXTS, inner, max_size=2)
        | st.tuples(inner, inner)
    ),
    max_leaves=6,
) | st.lists(TEXTS, max_size=30)
NAMES = st.sampled_from(["tenant", "sub", "film", "email", "groups"])
CLAIMS = (
    st.none()
    | st.dictionaries(NAMES, VALUES, max_size=5)
    | st.dictionaries(NAMES | st.just("suspended") | TEXTS, VALUES, max_size=7)
    | st.fixed_dictionaries(
        dict.fromkeys(["tenant", "sub", "film", "email"], PLAIN | VALUES)
        | {"groups": st.just("staff")}
    )
)
ITEMS = (
    TEXTS
    | st.lists(TEXTS, max_size=4).map("/".join)
    | st.builds("/{}/{}/{}".format, st.sampled_from(["t", "u", "photos"]), TEXTS, TEXTS)
    | st.integers()
    | st.none()
)
NAMED = [*TEMPLATES] * 3 + ["docs ", "*", ""]


def may_open(template: str) -> re.Pattern[str]:
    """Return which paths a template may open at most, whoever asks."""
    segments = template.split("/")[1:]
    pattern = ""
    for segment in segments:
        if segment == "*":
            pattern += "/.*"
        elif segment.startswith("{"):
            pattern += "/[A-Za-z0-9_-]{1,64}"
        else:
            pattern += "/" + re.escape(segment)
    return re.compile(pattern, re.DOTALL)


CEILINGS = {name: may_open(template) for name, template in TEMPLATES.items()}


def allowed(request: ViewerRequest) -> bool:
    return any(verifier.verify(request).allowed for verifier in VERIFIERS)


def texts_in(value: object) -> set[str]:
    """Return every plain text or number anywhere in the claims: what a slot may come from."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, Mapping):
        return set().union(*map(texts_in, value.values()))
    if isinstance(value, list | tuple):
        return set().union(*map(texts_in, value))
    return {str(value)} if type(value) is int and 0 <= value < 2**63 else set()


def requests_around(path: str) -> list[str]:
    """Return paths near one that is opened, most of them not."""
    up = path.rsplit("/", 1)[0]
    top = "/" + path.split("/")[1]
    return [
        path, f"{path}x", f"{up}x/a", f"{up}-admin/a", f"{up}/../a", f"{up}%2Fa", f"{up}/%2e%2e/a", f"{up}/x/y?z=1",
        f"{top}/other/docs/a", f"{top}/a", f"{top}/*/docs/a", "/", "/a", "/t/b/docs/a", "/u/b/a", path.upper(),
        path.replace("/", "//", 1), f"/x{path}", f"/x?{path}", f"{path}#"[:-1] + "?a=1",
    ]  # fmt: skip


WALKED: set[str] = set()
"""Paths around which all requests were tried; what opens them differs in the signature only."""


def walked(path: str) -> list[str]:
    around = [path] if path in WALKED else requests_around(path)
    WALKED.add(path)
    return around


def check_cookies(claims: dict[str, object] | None) -> None:
    given_ = ACCESS.cookies(claims)
    kept = jar(given_.set_cookie_headers)
    values = texts_in(claims) if claims else set()
    for where in given_.held:
        sent = [(name, value) for (name, path), value in kept.items() if path == where]
        opened = 0
        for path in walked(f"{where}a" if where.endswith("/") else where):
            if allowed(ViewerRequest(f"{BASE}{path}", cookies=sent)):
                opened += 1
                plain = path.partition("?")[0]
                names = [name for name, limit in CEILINGS.items() if limit.fullmatch(plain)]
                assert names
                assert set(names) & set(given_.grants)
                # The segment of a slot is, letter for letter, something the claims hold.
                if names[0] in {"docs", "mine"}:
                    assert plain.split("/")[2] in values
                assert path.startswith(where)
                elsewhere = ViewerRequest(f"https://evil.example{path}", cookies=sent)
                assert not allowed(elsewhere)
        assert opened >= 1
    for line in given_.set_cookie_headers:
        assert line.isascii()
        assert line.isprintable()
        assert line.count("; Path=") == 1


def check_url(claims: dict[str, object] | None, grant: str, item: str) -> None:
    url = ACCESS.url(claims, grant, item).url
    base, _, query = url.partition("?")
    path = base.removeprefix(BASE)
    assert CEILINGS[grant].fullmatch(path)
    assert not re.search(r"[*?\\\s]|%2[ef]|%5c|%00|//|/\.\.?(?:/|$)", path, re.IGNORECASE)
    if item != "":
        assert path.endswith(quote(item.removeprefix("/"), safe="/-._~"))
    assert allowed(ViewerRequest(url))
    for other in walked(path):
        if other != path:
            joined = f"{BASE}{other}{'&' if '?' in other else '?'}{query}"
            assert not allowed(ViewerRequest(joined))


@FEW
@given(CLAIMS)
def test_cookies_open_nothing_that_the_table_does_not_say(claims: dict[str, object] | None) -> None:
    code = code_of(check_cookies, claims)
    event(code)
    assert code in {"done", "grant_cookies_too_large"}


@pytest.mark.slow
def test_cookies_for_many_claims_open_nothing_that_the_table_does_not_say() -> None:
    generated = Claims(1, plain=ORDINARY, hostile=HOSTILE)
    codes = Counter(code_of(check_cookies, generated.one()) for _ in range(MANY_FOR_COOKIES))
    assert set(codes) <= {"done", "grant_cookies_too_large"}
    assert codes["done"] > MANY_FOR_COOKIES // 2


@FEW
@given(CLAIMS, st.sampled_from(NAMED), ITEMS)
def test_urls_open_one_object_inside_the_grant(
    claims: dict[str, object] | None, grant: str, item: object
) -> None:
    code = code_of(check_url, claims, grant, item)
    event(code)
    assert code.startswith(("done", "grant_", "item_")) or (claims is None and "login" in code)


@pytest.mark.slow
def test_urls_for_many_claims_open_one_object_inside_the_grant() -> None:
    generated = Claims(2, plain=ORDINARY, hostile=HOSTILE)
    codes: Counter[str] = Counter()
    for _ in range(MANY_FOR_URLS):
        claims = generated.one()
        code = code_of(check_url, claims, generated.choice(NAMED), generated.item())
        assert code.startswith(("done", "grant_", "item_")) or (claims is None and "login" in code)
        codes[code] += 1
    # Most ask for what they do not have; enough of them do not.
    assert codes["done"] > MANY_FOR_URLS // 20


@given(CLAIMS, ITEMS, st.lists(ITEMS, max_size=4))
def test_nothing_else_is_raised_and_nothing_else_is_told(
    claims: dict[str, object] | None, item: object, held: list[str]
) -> None:
    for line in ACCESS.clearing_headers(claims, held=held):
        assert line.isascii()
        assert line.isprintable()
        assert "Max-Age=0" in line
    for outcome in TABLE.explain(claims):
        for refusal in outcome.refusals:
            assert len(refusal.message) < 200
            assert refusal.message.isascii()
            assert refusal.message.isprintable()
        for permit in outcome.permits:
            code = code_of(check_item, permit, item)
            event(code)
            assert code.startswith(("done", "item_"))


def check_item(permit: Permit, item: object) -> None:
    path = permit.item_path(item)  # type: ignore[arg-type]
    assert CEILINGS[permit.grant].fullmatch(path)
    assert path.startswith(permit.path.removesuffix("*"))


def code_of(check: Callable[..., None], *arguments: object) -> str:
    """Run a check; anything raised that is not typed fails the test."""
    try:
        check(*arguments)
    except SignerError as error:
        return error.code
    return "done"


@given(PLAIN, PLAIN, st.sampled_from(["a.pdf", "x/y/z", "b/"]))
def test_a_tenants_cookies_never_open_anothers_path(one: str, other: str, item: str) -> None:
    kept = jar(ACCESS.cookies({"tenant": one, "groups": "staff"}).set_cookie_headers)
    sent = [(name, value) for (name, path), value in kept.items() if path == f"/t/{one}/docs/"]
    request = ViewerRequest(f"{BASE}/t/{other}/docs/{item}", cookies=sent)
    assert allowed(request) is (one == other)


def test_the_ceilings_are_what_they_are_meant_to_be() -> None:
    assert CEILINGS["docs"].fullmatch("/t/acme/docs/a/b")
    assert not CEILINGS["docs"].fullmatch("/t/acme/x/docs/a")
    assert not CEILINGS["film"].fullmatch("/films/a/other.m3u8")
    assert not CEILINGS["photo"].fullmatch("/photos/a/b/c")


@pytest.mark.parametrize("suspended", [True, "true", "TRUE", [True], {}, 1.5])
def test_who_is_denied_gets_nothing_at_all(suspended: object) -> None:
    claims = {
        "tenant": "a",
        "sub": "b",
        "film": "c",
        "groups": "staff",
        "email": "e",
        "suspended": suspended,
    }
    assert TABLE.permits(claims) == ()
    assert ACCESS.cookies(claims).set_cookie_headers == []
