"""Access: claims turned into URLs, by CloudFront's signer or another."""

from __future__ import annotations

from datetime import timedelta

import pytest

from signer import ViewerRequest
from signer.errors import GrantError, UrlError
from tests.accesses import COURSES, NOW, VERIFIER, Ending, EndingPresigner, Presigner, access
from tests.grants.tables import BASE, STAFF, one


def test_a_presigned_url_tells_the_end_of_the_credentials_that_signed_it() -> None:
    made = access(one('path = "/a/*"\ntransport = "urls"'), EndingPresigner())
    assert made.url(STAFF, "g", "b.txt").expires_at == NOW + 10
    with pytest.raises(GrantError) as caught:
        access(one('path = "/a/*"\ntransport = "urls"\nttl = "61m"'), EndingPresigner())
    assert caught.value.code == "grant_lifetime"


def test_a_name_that_is_too_long_for_the_presigner_is_the_viewers_mistake() -> None:
    class Strict(EndingPresigner):
        def presigned(self, url: str, /, *, expires_in: timedelta | int) -> Ending:
            del url, expires_in
            raise UrlError("key_length", "the key has more than 1024 bytes", advice="shorten it")

    s3 = access(one('path = "/a/*"\ntransport = "urls"'), Strict())
    with pytest.raises(GrantError, match="1024 bytes") as caught:
        s3.url({}, "g", "b.jpg")
    assert (caught.value.code, caught.value.advice) == ("item_too_long", "shorten it")


@pytest.mark.parametrize(
    ("claims", "grant", "item", "path"),
    [
        (STAFF, "team_docs", "x/May 2030.pdf", "/t/acme/docs/x/May%202030.pdf"),
        (STAFF, "team_docs", "/t/acme/docs/a.pdf", "/t/acme/docs/a.pdf"),
        (None, "trailers", "a.mp4", "/trailers/a.mp4"),
        ({}, "handbook", "", "/books/handbook.pdf"),
    ],
)
def test_a_url_opens_the_one_object(
    claims: dict[str, object] | None, grant: str, item: str, path: str
) -> None:
    given = access().url(claims, grant, item)
    assert given.url.startswith(f"{BASE}{path}?Expires={given.expires_at}&")
    assert VERIFIER.verify(ViewerRequest(given.url)).allowed
    assert not VERIFIER.verify(ViewerRequest(given.url.replace("?", "x?", 1))).allowed


NOT_GIVEN = [({}, "team_docs"), ({}, "x"), (STAFF, "x"), (STAFF, ""), (STAFF, None)]


@pytest.mark.parametrize(("claims", "grant"), NOT_GIVEN)
def test_a_url_of_a_grant_that_is_not_given_is_refused(
    claims: dict[str, object], grant: object
) -> None:
    with pytest.raises(GrantError) as caught:
        access().url(claims, grant, "a.pdf")  # type: ignore[arg-type]
    assert caught.value.code == "grant_not_given"
    with pytest.raises(GrantError) as caught:
        access().url(None, grant, "a")  # type: ignore[arg-type]
    assert caught.value.code == "login_required"


def test_several_directories_want_the_whole_path() -> None:
    school = access(one(COURSES))
    claims = {"course": ["a", "b", "c"]}
    for course in claims["course"]:
        url = school.url(claims, "g", f"/c/{course}/x.mp4").url
        assert url.startswith(f"{BASE}/c/{course}/x.mp4?")
    for item, code in (
        ("x.mp4", "item_ambiguous"),
        (None, "item_ambiguous"),
        ("/c/d/x.mp4", "item_outside"),
        ("/c/a/../d/x.mp4", "item_dot_segment"),
        ("/c/c/*", "item_wildcard"),
    ):
        with pytest.raises(GrantError) as caught:
            school.url(claims, "g", item)  # type: ignore[arg-type]
        assert caught.value.code == code


def test_another_signer_signs_urls_of_every_grant() -> None:
    presigner = Presigner()
    s3 = access(signer=presigner)
    assert not s3.sets_cookies
    given = s3.url(STAFF, "team_docs", "a b.pdf")
    assert (given.url, given.expires_at) == (f"{BASE}/t/acme/docs/a%20b.pdf?presigned", NOW + 900)
    assert presigner.asked == [(f"{BASE}/t/acme/docs/a%20b.pdf", timedelta(minutes=15))]


def test_a_url_ends_with_what_it_was_given_for() -> None:
    table, presigner = one('path = "/a/*"\ntransport = "urls"\nttl = "1h"'), Presigner()
    assert access(table).url({}, "g", "b", until=NOW + 100.5).expires_at == NOW + 100
    assert access(table).url({}, "g", "b", until=NOW + 7200).expires_at == NOW + 3600
    access(table, presigner).url({}, "g", "b", until=NOW + 100.5)
    assert presigner.asked[-1][1] == timedelta(seconds=100)
