"""What every backend does, whatever its framework: one table, run against all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from signer.cookies import COOKIE_NAMES
from tests.integrations.backends import BASE, NOW, PASSWORD, Answer, Backend

PICTURE, FILM = "/gallery/moonrise.jpg", "/film/part-00.m4s"
LIFE, HALF = 15 * 60, 15 * 60 // 2
URL = "/api/images/moonrise.jpg/url"


def a_stranger_gets_nothing(backend: Backend) -> None:
    visitor = backend.visitor()
    assert visitor.get("/api/session").content == {"name": None}
    refused(visitor.get(URL), 401, "login_required")
    assert not visitor.kept


def a_wrong_password_gets_nothing(backend: Backend) -> None:
    visitor = backend.visitor()
    for name, password in (("ada", "wrong"), ("ada", ""), ("eve", PASSWORD)):
        answer = visitor.log_in(name, password)
        assert answer.status == 401
        assert not answer.signed
    assert visitor.get("/api/session").content == {"name": None}


def log_in_sets_cookies_for_what_is_granted(backend: Backend) -> None:
    visitor = backend.visitor()
    answer = visitor.log_in("ada")
    assert answer.status == 200
    assert visitor.get("/api/session").content == {"name": "ada"}
    assert {path for _, path in visitor.kept} == {"/gallery/", "/film/"}
    assert visitor.opens(PICTURE)
    assert visitor.opens(FILM)
    assert not visitor.opens("/other/a.jpg")
    assert len(answer.signed) == 2 * len(COOKIE_NAMES)
    for line in answer.signed:
        assert line.endswith("; Secure; HttpOnly; SameSite=Lax")
        assert "Domain=" not in line
    assert answer.headers["cache-control"] == "private, no-store"


def another_person_gets_other_cookies(backend: Backend) -> None:
    guest = backend.visitor()
    guest.log_in("guest")
    assert guest.opens(PICTURE)
    assert not guest.opens(FILM)


def who_logs_in_over_another_leaves_none_of_theirs(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("ada")
    visitor.log_in("guest")
    assert visitor.get("/api/session").content == {"name": "guest"}
    assert {path for _, path in visitor.kept} == {"/gallery/"}


def a_url_of_a_grant_that_is_not_given_is_refused(backend: Backend) -> None:
    visitor = backend.visitor()
    backend.set_groups("guest", ["cinema"])
    visitor.log_in("guest")
    refused(visitor.get(URL), 403, "grant_not_given")


def a_url_opens_one_picture_for_ten_minutes(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("guest")
    answer = visitor.get(URL)
    assert answer.headers["cache-control"] == "private, no-store"
    content = answer.content
    assert set(content) == {"url", "expires_at"}
    assert content["expires_at"] == NOW + 600
    assert visitor.opens_url(content["url"])
    assert not visitor.opens_url(content["url"].replace("moonrise", "first-light"))
    backend.clock.now += 601
    assert not visitor.opens_url(content["url"])


def a_name_of_any_script_is_a_name(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("guest")
    for name in ("Blå time.jpg", "a+b&c=d.jpg", "'.jpg", "..jpg"):
        url = visitor.get(f"/api/images/{quote(name, safe='')}/url").content["url"]
        assert visitor.opens_url(url)
        assert url.startswith(f"{BASE}/gallery/")


def no_name_opens_more_than_a_picture(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("guest")
    for name in ("*", "%2A", "%3F", "a%2A.jpg", "%2e%2e", "..%2ffilm%2fmaster.m3u8", "%5c", "%00"):
        answer = visitor.get(f"/api/images/{name}/url")
        assert answer.status in {400, 404}, (name, answer)
        assert b"Signature" not in answer.body


def an_ordinary_request_sets_no_cookies(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("ada")
    for path in ("/api/session", URL, "/api/nothing"):
        assert not visitor.get(path).signed


def cookies_are_renewed_when_half_of_their_life_is_over(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("ada")
    backend.clock.now += HALF - 1
    assert not visitor.get("/api/session").signed
    backend.clock.now += 1
    answer = visitor.get("/api/session")
    assert len(answer.signed) == 2 * len(COOKIE_NAMES)
    assert answer.headers["cache-control"] == "private, no-store"
    assert not visitor.get("/api/session").signed
    backend.clock.now += LIFE - 1
    assert visitor.opens(FILM)


def a_visitor_who_comes_back_in_time_never_notices(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("ada")
    for _ in range(20):
        backend.clock.now += LIFE - 1
        assert visitor.opens(FILM)
        visitor.get("/api/session")


def a_right_that_is_withdrawn_is_gone_after_the_next_renewal(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("ada")
    backend.set_groups("ada", ["gallery"])
    backend.clock.now += HALF
    visitor.get("/api/session")
    assert {path for _, path in visitor.kept} == {"/gallery/"}
    assert visitor.opens(PICTURE)


def a_withdrawn_right_gives_no_url_at_the_first_request(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("ada")
    backend.set_groups("ada", ["cinema"])
    backend.clock.now += HALF
    answer = visitor.get(URL)
    refused(answer, 403, "grant_not_given")
    # The answer to the mistake brings the new cookies, too.
    assert {path for _, path in visitor.kept} == {"/film/"}


def a_right_that_is_given_arrives_the_same_way(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("guest")
    backend.set_groups("guest", ["gallery", "cinema"])
    backend.clock.now += HALF
    visitor.get("/api/session")
    assert visitor.opens(FILM)


def an_account_that_is_closed_loses_everything(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("ada")
    backend.set_groups("ada", None)
    backend.clock.now += HALF
    visitor.get("/api/session")
    assert not visitor.kept
    assert visitor.get("/api/session").content == {"name": None}
    refused(visitor.get(URL), 401, "login_required")


def log_out_clears_every_cookie(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("ada")
    answer = visitor.log_out()
    assert answer.status == 200
    cleared = {(line.partition("=")[0], path) for line in answer.signed for path in path_in(line)}
    assert cleared == {(name, path) for name in COOKIE_NAMES for path in ("/gallery/", "/film/")}
    assert answer.headers["cache-control"] == "private, no-store"
    assert not visitor.kept
    assert visitor.get("/api/session").content == {"name": None}
    refused(visitor.get(URL), 401, "login_required")


def a_form_of_another_site_does_nothing(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("guest")
    body = b'{"name": "ada", "password": "' + PASSWORD.encode() + b'", "x": "="}'
    for path in ("/api/login", "/api/logout"):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            headers = {"content-type": kind, "origin": "https://evil.example", "x-csrftoken": ""}
            answer = visitor.send("POST", path, body=body, headers=headers)
            assert 400 <= answer.status < 500
            assert not answer.signed
    assert visitor.get("/api/session").content == {"name": "guest"}


def a_session_that_was_changed_is_nobodys(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("ada")
    value = visitor.client.session_cookie()
    assert len(value) > 20
    # Not its last character, in which base64 has bits that nobody reads.
    one_off = value[:-8] + ("A" if value[-8] != "A" else "B") + value[-7:]
    for changed in (one_off, value[1:], "x", ""):
        other = backend.visitor()
        other.client.session_cookie(changed)
        assert other.get("/api/session").content == {"name": None}
        refused(other.get(URL), 401, "login_required")
    copy = backend.visitor()
    copy.client.session_cookie(value)
    assert copy.get("/api/session").content == {"name": "ada"}


def pages_are_served_while_the_key_store_is_down(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("ada")
    document = backend.credential.read_bytes()
    backend.credential.unlink()
    backend.clock.now += 31 * 60
    answer = visitor.get("/api/session")
    assert (answer.status, answer.content) == (200, {"name": "ada"})
    assert not answer.signed
    told = visitor.get(URL)
    refused(told, 503, "signing_unavailable")
    assert told.headers["retry-after"]
    backend.credential.touch(mode=0o600)
    backend.credential.write_bytes(document)
    # Between two attempts at reading a key lie seconds of a clock that nobody sets.
    for _ in range(200):
        backend.clock.now += 60
        visitor.get("/api/session")
        if visitor.opens(FILM):
            break
        time.sleep(0.05)
    assert visitor.opens(FILM)
    assert visitor.get(URL).status == 200


def nobody_gets_cookies_while_the_key_store_is_down(backend: Backend) -> None:
    visitor = backend.visitor()
    visitor.log_in("ada")
    document = backend.credential.read_bytes()
    backend.credential.unlink()
    backend.clock.now += 31 * 60
    answer = visitor.log_in("guest")
    # Django's own log-in has succeeded all the same.
    assert answer.status == (200 if backend.name == "django" else 503)
    assert not visitor.kept
    told = visitor.get(URL)
    if backend.name == "django":
        refused(told, 503, "signing_unavailable")
    else:
        refused(told, 401, "login_required")
    backend.credential.touch(mode=0o600)
    backend.credential.write_bytes(document)


SCENARIO: tuple[Callable[[Backend], None], ...] = (
    a_stranger_gets_nothing,
    a_wrong_password_gets_nothing,
    log_in_sets_cookies_for_what_is_granted,
    another_person_gets_other_cookies,
    who_logs_in_over_another_leaves_none_of_theirs,
    a_url_opens_one_picture_for_ten_minutes,
    a_url_of_a_grant_that_is_not_given_is_refused,
    a_name_of_any_script_is_a_name,
    no_name_opens_more_than_a_picture,
    an_ordinary_request_sets_no_cookies,
    cookies_are_renewed_when_half_of_their_life_is_over,
    a_visitor_who_comes_back_in_time_never_notices,
    a_right_that_is_withdrawn_is_gone_after_the_next_renewal,
    a_withdrawn_right_gives_no_url_at_the_first_request,
    a_right_that_is_given_arrives_the_same_way,
    an_account_that_is_closed_loses_everything,
    log_out_clears_every_cookie,
    a_form_of_another_site_does_nothing,
    a_session_that_was_changed_is_nobodys,
    pages_are_served_while_the_key_store_is_down,
    nobody_gets_cookies_while_the_key_store_is_down,
)


def refused(answer: Answer, status: int, code: str) -> None:
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert "no-store" in answer.headers["cache-control"]
    assert answer.content["code"] == code


def path_in(line: str) -> list[str]:
    return [part.removeprefix("Path=") for part in line.split("; ") if part.startswith("Path=")]
