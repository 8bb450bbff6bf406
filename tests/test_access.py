"""Access: claims turned into cookies."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from signer import (
    HashAlgorithm,
    Issuer,
    KeyAlgorithm,
    PrivateKey,
    ViewerRequest,
)
from signer.access import MAX_SET_COOKIE_BYTES, AccessCookies
from signer.cookies import COOKIE_NAMES, CookieAttributes
from signer.errors import CookieError, GrantError
from signer.grants import GrantTable
from tests.accesses import COURSES, KID, NOW, VERIFIER, Presigner, access, issuer
from tests.grants.tables import BASE, STAFF, jar, one, table


def opens(kept: dict[tuple[str, str], str], path: str, *, base: str = BASE) -> bool:
    sent = [
        (name, value)
        for (name, where), value in kept.items()
        if path == where
        or (path.startswith(where) and (where.endswith("/") or path[len(where)] == "/"))
    ]
    return VERIFIER.verify(ViewerRequest(base + path, cookies=sent)).allowed


def test_cookies_open_what_is_granted_by_cookies() -> None:
    given = access().cookies(STAFF)
    assert (given.grants, given.held) == (
        ("team_docs", "trailers"),
        ("/t/acme/docs/", "/trailers/"),
    )
    assert given.expires_at == NOW + 15 * 60
    kept = jar(given.set_cookie_headers)
    assert opens(kept, "/t/acme/docs/a.pdf")
    assert opens(kept, "/trailers/x/y.mp4?quality=1")
    assert not opens(kept, "/t/other/docs/a.pdf")
    assert not opens(kept, "/books/handbook.pdf")


def test_nobody_gets_the_public_grants() -> None:
    given = access().cookies(None)
    assert given.held == ("/trailers/",)
    assert opens(jar(given.set_cookie_headers), "/trailers/a.mp4")


def test_no_grants_no_cookies() -> None:
    given = access(one(COURSES)).cookies({})
    assert given == AccessCookies([], None, (), ())


def test_a_grant_by_urls_has_no_say_in_cookies() -> None:
    grants = one(COURSES + '\ntransport = "urls"\n[[grants]]\nname = "free"\npath = "/free/*"')
    given = access(grants).cookies({"course": [str(n) for n in range(30)]})
    assert given.held == ("/free/",)


def test_the_first_end_is_told() -> None:
    grants = GrantTable.from_json(
        '{"version": 1, "grants": [{"name": "a", "path": "/a/*", "ttl": 600},'
        '{"name": "b", "path": "/b/*", "ttl": 60}, {"name": "c", "path": "/c/*", "ttl": "1h"}]}',
        base_url=BASE,
    )
    assert access(grants).cookies({}).expires_at == NOW + 60


def test_a_grant_is_named_once_however_many_permits_it_gives() -> None:
    given = access(one(COURSES)).cookies({"course": ["a", "b"]})
    assert (given.grants, given.held) == (("g",), ("/c/a/", "/c/b/"))


def test_what_was_held_and_is_not_granted_now_is_expired() -> None:
    school = access(one(COURSES))
    first = school.cookies({"course": ["a", "b"]})
    second = school.cookies({"course": ["b", "c"]}, held=first.held)
    kept = jar(first.set_cookie_headers + second.set_cookie_headers)
    assert {path for _, path in kept} == {"/c/b/", "/c/c/"}
    assert not opens(kept, "/c/a/x")
    gone = school.cookies(None, held=second.held)
    assert gone.expires_at is None
    assert jar(first.set_cookie_headers + second.set_cookie_headers + gone.set_cookie_headers) == {}


STRANGE = ["/", "/auth/", "/c/", "/c/a", "/c/a/b/", "/c/a;/", "/c/a/\r\nX: y", "/c/*/", None, 5]


@pytest.mark.parametrize("held", STRANGE)
def test_held_paths_that_are_not_of_the_table_never_reach_a_header(held: object) -> None:
    school = access(one(COURSES))
    paths: list[str] = [held]  # type: ignore[list-item]
    assert school.cookies({}, held=paths).set_cookie_headers == []
    assert school.clearing_headers({}, held=paths) == []


def test_held_paths_are_few_and_looked_at_once() -> None:
    school = access(one(COURSES))
    assert len(school.cookies({}, held=["/c/a/"] * 9).set_cookie_headers) == len(COOKIE_NAMES)
    given = school.cookies({}, held=[f"/c/{n}/" for n in range(1000)])
    cleared = len(given.set_cookie_headers) // len(COOKIE_NAMES)
    assert cleared + len(given.held) == 64


def test_too_many_bytes_of_cookies_are_refused() -> None:
    rsa = Issuer(PrivateKey.generate(KeyAlgorithm.RSA_2048), key_pair_id=KID, clock=lambda: NOW)
    school = access(one('path = "/courses-of-the-school/{course}/materials/*"'), rsa)
    claims = {"course": [f"{n:064}" for n in range(20)]}
    with pytest.raises(GrantError) as caught:
        school.cookies(claims)
    assert caught.value.code == "grant_cookies_too_large"
    few = school.cookies({"course": claims["course"][:10]})
    assert sum(map(len, few.set_cookie_headers)) <= MAX_SET_COOKIE_BYTES


def test_log_out_clears_all_that_may_have_been_set() -> None:
    given = access().cookies(STAFF)
    withdrawn = {"custom:tenant": "acme", "groups": [], "suspended": True}
    lines = access().clearing_headers(withdrawn)
    assert jar(given.set_cookie_headers + lines) == {}
    assert all("Max-Age=0" in line for line in lines)
    forgotten = access().clearing_headers(None, held=given.held)
    assert jar(given.set_cookie_headers + forgotten) == {}


def test_log_out_never_fails_and_clears_what_was_held_first() -> None:
    school = access(one(COURSES))
    many = {"course": [f"{n:064}" for n in range(20)]}
    lines = school.clearing_headers(many, held=["/c/mine/"])
    assert lines[0].startswith("CloudFront-Policy=; Path=/c/mine/; ")
    assert sum(map(len, lines)) <= MAX_SET_COOKIE_BYTES
    assert len({line for line in lines if "Policy=" in line}) < 21
    assert school.clearing_headers({"course": [str(n) for n in range(50)]}) == []


def test_attributes_hold_for_every_cookie_and_the_path_is_the_grants() -> None:
    attributes = CookieAttributes(domain="example.com", same_site="Strict", max_age=3600)
    given = access(attributes=attributes).cookies(STAFF)
    for line in given.set_cookie_headers:
        assert re.search(r"; Domain=example\.com; .*; Secure; HttpOnly; SameSite=Strict$", line)
    ages = {age for line in given.set_cookie_headers for age in re.findall(r"Max-Age=(\d+)", line)}
    assert ages == {"900", "0"}
    brief = access(attributes=CookieAttributes(max_age=60)).cookies(STAFF).set_cookie_headers
    assert sum("; Max-Age=60;" in line for line in brief) == 8


def test_cookies_are_session_cookies_by_default() -> None:
    live = [line for line in access().cookies(STAFF).set_cookie_headers if "=;" not in line]
    assert len(live) == 8
    assert not any("Max-Age" in line or "Expires=" in line for line in live)


def test_the_path_of_attributes_is_refused() -> None:
    with pytest.raises(GrantError) as caught:
        access(attributes=CookieAttributes(path="/x/"))
    assert caught.value.code == "grant_attributes_path"


def test_what_does_not_fit_for_being_cleared_stays_held_and_refuses_nobody() -> None:
    school = access(one(COURSES))
    old = [f"/c/{n:064}/" for n in range(60)]
    given, left = school.cookies({"course": ["new"]}, held=old), 60
    assert given.grants == ("g",)
    while len(given.held) > 1:
        assert sum(map(len, given.set_cookie_headers)) <= MAX_SET_COOKIE_BYTES
        assert given.held[0] == "/c/new/"
        assert set(given.held[1:]) < set(old)
        assert len(given.held) - 1 < left
        left = len(given.held) - 1
        given = school.cookies({"course": ["new"]}, held=given.held)
    assert left < 60


def test_a_domain_that_does_not_contain_the_host_is_refused_at_once() -> None:
    with pytest.raises(CookieError) as caught:
        access(attributes=CookieAttributes(domain="example.org"))
    assert caught.value.code == "cookie_domain_mismatch"


def test_a_grant_that_outlives_the_issuer_is_refused_at_once() -> None:
    access(signer=issuer(max_lifetime=timedelta(minutes=15)))
    with pytest.raises(GrantError, match="team_docs") as caught:
        access(signer=issuer(max_lifetime=timedelta(minutes=14)))
    assert caught.value.code == "grant_lifetime"


def test_another_signer_makes_no_cookies() -> None:
    s3 = access(signer=Presigner())
    assert s3.cookies(STAFF, held=["/trailers/"]) == AccessCookies([], None, (), ())
    assert s3.clearing_headers(STAFF, held=["/trailers/"]) == []
    by_url = access(one('path = "/a/*"\ntransport = "urls"'), Presigner())
    assert by_url.cookies({}, held=["/a/"]) == AccessCookies([], None, (), ())


def test_nothing_lasts_longer_than_it_is_asked_to() -> None:
    given = access().cookies(STAFF, until=NOW + 100.5)
    assert given.expires_at == NOW + 100
    assert access().cookies(STAFF, until=NOW + 10**6).expires_at == NOW + 15 * 60
    assert access().cookies(STAFF, until=NOW - 5).expires_at == NOW + 1


def test_claims_that_are_none_are_refused() -> None:
    with pytest.raises(GrantError) as caught:
        access().cookies(["groups"])  # type: ignore[arg-type]
    assert caught.value.code == "claims_type"


def test_a_grant_of_too_many_directories_is_left_out_and_the_others_are_served() -> None:
    both = table(
        'version = 1\n[[grants]]\nname = "courses"\npath = "/c/{course}/*"\n'
        '[[grants]]\nname = "news"\npath = "/news/*"\n'
    )
    school = access(both)
    few, many = ({"course": [str(n) for n in range(count)]} for count in (20, 21))
    assert school.cookies(few).left_out == ()
    given = school.cookies(many, held=["/c/1/"])
    assert (given.left_out, given.grants, given.held) == (("courses",), ("news",), ("/news/",))
    assert [line for line in given.set_cookie_headers if "Path=/c/1/; Max-Age=0" in line]
    with pytest.raises(GrantError) as caught:
        school.url(many, "courses", "/c/1/a")
    assert (caught.value.code, caught.value.evidence["grant"]) == ("grant_too_many", "courses")


def test_whether_cookies_are_set_is_known_beforehand() -> None:
    assert access().sets_cookies
    assert not access(one('path = "/a/*"\ntransport = "urls"')).sets_cookies


def test_the_whole_site_is_signed_when_the_table_says_so() -> None:
    everything = access(one('path = "/*"\nallow_entire_distribution = true'))
    assert opens(jar(everything.cookies({}).set_cookie_headers), "/any/thing.txt")


def test_cookies_of_one_file_open_that_file() -> None:
    kept = jar(access(one('path = "/f/{id}"')).cookies({"id": ["a", "b"]}).set_cookie_headers)
    assert opens(kept, "/f/a")
    assert opens(kept, "/f/b")
    assert not opens(kept, "/f/c")
    assert not opens(kept, "/f/a/b")


def test_sha1_leaves_no_marker_of_an_earlier_sha256() -> None:
    before = access().cookies(STAFF).set_cookie_headers
    rolled_back = access(signer=issuer(hash_algorithm=HashAlgorithm.SHA1)).cookies(STAFF)
    kept = jar(before + rolled_back.set_cookie_headers)
    assert not any(name == "CloudFront-Hash-Algorithm" for name, _ in kept)
    assert opens(kept, "/t/acme/docs/a.pdf")


def test_secrets_are_not_in_what_is_shown() -> None:
    given = access().cookies(STAFF)
    url = access().url(STAFF, "team_docs", "a.pdf")
    text = repr(given) + repr(url)
    assert "CloudFront-" not in text
    assert "Signature" not in text
    assert str(url.expires_at) in text


def test_the_claims_to_keep_are_those_the_table_reads() -> None:
    assert access().table.needed_claims == {"custom:tenant", "groups", "suspended"}
