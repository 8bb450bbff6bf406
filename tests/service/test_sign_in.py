"""Log-in and log-out through a real identity provider."""

from __future__ import annotations

import html
import re

import pytest

from signer import PrivateKey
from signer.dev.identity import IdentityProvider
from signer.service import Service
from tests.service.browsing import Browser, Clock, content_of, query_of, service_of

LOGIN, SESSION = "__Host-signer-login", "__Host-signer-session"


def test_a_log_in_leaves_session_and_cookies_for_what_is_granted(
    browser: Browser, p256_key: PrivateKey
) -> None:
    reply = browser.log_in("ada", "/watch?film=1")
    assert (reply.status, reply.headers["Location"]) == (303, "/watch?film=1")
    assert reply.grants == ("gallery", "film")
    assert browser.opens("/gallery/a.jpg", p256_key)
    assert browser.opens("/film/part-01.m4s", p256_key)
    assert not browser.opens("/other/a.jpg", p256_key)
    assert (SESSION, "/") in browser.kept
    assert (LOGIN, "/") not in browser.kept


def test_a_guest_gets_what_a_guest_may_have(browser: Browser, p256_key: PrivateKey) -> None:
    browser.log_in("guest")
    assert browser.opens("/gallery/a.jpg", p256_key)
    assert not browser.opens("/film/part-01.m4s", p256_key)


def test_the_session_cookie_cannot_be_planted_by_a_sibling_or_read_by_a_script(
    browser: Browser,
) -> None:
    lines = [line for line in browser.log_in().cookies if line.startswith("__Host-")]
    assert len(lines) == 2
    for line in lines:
        assert "; Path=/; Secure; HttpOnly; SameSite=Lax" in line
        assert "Domain" not in line


def test_the_request_to_the_provider_has_pkce_state_and_nonce(browser: Browser) -> None:
    query = query_of(browser.to_provider())
    assert query["code_challenge_method"] == "S256"
    assert query["response_type"] == "code"
    assert len(query["state"]) >= 43
    assert len(query["nonce"]) >= 43
    assert len(query["code_challenge"]) == 43


def test_a_callback_in_a_browser_that_began_nothing_is_refused(
    browser: Browser, service: Service
) -> None:
    callback = browser.at_provider(browser.to_provider(), "ada")
    other = Browser(service)
    reply = other.send("GET", callback)
    assert (reply.status, reply.code) == (401, "login_state")
    assert not other.kept


def test_a_callback_of_another_attempt_is_refused(browser: Browser, service: Service) -> None:
    attacker, victim = Browser(service), browser
    victim.to_provider()
    # The attacker's own code, sent to the victim: log-in CSRF.
    callback = attacker.at_provider(attacker.to_provider(), "guest")
    reply = victim.send("GET", callback)
    assert (reply.status, reply.code) == (401, "login_state")
    assert (SESSION, "/") not in victim.kept


@pytest.mark.parametrize("name", ["state", "code"])
def test_a_changed_callback_is_refused(browser: Browser, name: str) -> None:
    callback = browser.at_provider(browser.to_provider(), "ada")
    reply = browser.send("GET", re.sub(rf"{name}=[^&]+", f"{name}=canary", callback))
    assert reply.status == 401
    assert "canary" not in reply.body
    assert (SESSION, "/") not in browser.kept


def test_a_callback_works_once(browser: Browser) -> None:
    callback = browser.at_provider(browser.to_provider(), "ada")
    assert browser.send("GET", callback).status == 303
    assert browser.send("GET", callback).code == "login_state"


def test_a_copied_log_in_cookie_does_not_make_a_callback_work_twice(
    browser: Browser, service: Service
) -> None:
    callback = browser.at_provider(browser.to_provider(), "ada")
    thief = Browser(service, dict(browser.kept))
    assert browser.send("GET", callback).status == 303
    assert thief.send("GET", callback).code == "login_code"


def test_two_tabs_can_log_in_side_by_side(browser: Browser) -> None:
    first, second = browser.to_provider("/one"), browser.to_provider("/two")
    for location, target in [(second, "/two"), (first, "/one")]:
        reply = browser.send("GET", browser.at_provider(location, "ada"))
        assert reply.headers["Location"] == target


def test_declining_at_the_provider_is_told_without_a_circle(browser: Browser) -> None:
    # The mock leaves the state out, which RFC 6749, section 4.1.2.1 requires.
    state = query_of(browser.to_provider())["state"]
    callback = f"/auth/callback?error=access_denied&error_description=canary&state={state}"
    reply = browser.send("GET", callback, headers={"accept": "text/html,*/*"})
    assert "canary" not in reply.body
    assert (reply.status, reply.code) == (401, "login_denied")
    assert reply.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "Location" not in reply.headers
    assert "<script" not in reply.body
    assert "http-equiv" not in reply.body


def test_an_attempt_expires(browser: Browser, clock: Clock) -> None:
    callback = browser.at_provider(browser.to_provider(), "ada")
    clock.now += 601
    assert browser.send("GET", callback).code == "login_state"


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "/a%0d%0aX: y"]
)
def test_a_log_in_does_not_lead_to_another_host(browser: Browser, target: str) -> None:
    reply = browser.send("GET", f"/auth/login?return_to={target}")
    assert (reply.status, reply.code) == (400, "return_to")
    assert not reply.cookies
    assert "evil" not in reply.body


def test_a_parameter_named_twice_is_refused(browser: Browser) -> None:
    reply = browser.send("GET", "/auth/login?return_to=/a&return_to=/b")
    assert (reply.status, reply.code) == (400, "query")


def test_the_provider_down_is_a_page_that_says_so(variables: dict[str, str], clock: Clock) -> None:
    service = service_of({**variables, "SIGNER_OIDC_ISSUER": "http://127.0.0.1:9"}, clock)
    reply = Browser(service).send("GET", "/auth/login", headers={"accept": "text/html"})
    assert (reply.status, reply.code) == (503, "unavailable")
    assert reply.headers["Retry-After"]
    assert "try again" in html.unescape(reply.body)


def test_without_log_in_there_is_none(variables: dict[str, str], clock: Clock) -> None:
    bare = {n: v for n, v in variables.items() if not n.startswith(("SIGNER_OIDC", "SIGNER_SESS"))}
    reply = Browser(service_of(bare, clock)).send("GET", "/auth/login")
    assert (reply.status, reply.code) == (404, "route")


def test_session_tells_who_and_until_when(browser: Browser, clock: Clock) -> None:
    assert content_of(browser.send("GET", "/auth/session")) == {"signed_in": False, "grants": []}
    browser.log_in("guest")
    assert content_of(browser.send("GET", "/auth/session")) == {
        "signed_in": True,
        "grants": ["gallery", "images"],
        "subject": "guest",
        "expires_at": int(clock.now + 3600),
    }


def test_a_session_that_was_changed_is_none(browser: Browser) -> None:
    browser.log_in()
    value = browser.kept[SESSION, "/"]
    browser.kept[SESSION, "/"] = value[:-8] + ("A" if value[-8] != "A" else "B") + value[-7:]
    assert content_of(browser.send("GET", "/auth/session"))["signed_in"] is False


def test_log_out_removes_every_cookie_and_names_the_providers_page(
    browser: Browser, provider: IdentityProvider
) -> None:
    browser.log_in()
    reply = browser.post("/auth/logout")
    assert reply.status == 200
    assert not browser.kept
    url = content_of(reply)["logout_url"]
    assert isinstance(url, str)
    assert url.startswith(provider.issuer_url)
    assert query_of(url)["post_logout_redirect_uri"] == "https://media.example.com/"


def test_cookies_copied_before_log_out_end_with_their_policy(
    browser: Browser, service: Service, p256_key: PrivateKey, clock: Clock
) -> None:
    browser.log_in()
    thief = Browser(service)
    thief.kept = dict(browser.kept)
    browser.post("/auth/logout")
    assert not browser.opens("/film/a", p256_key)
    # What docs/threat-model.md admits: until then nothing can take them back.
    assert thief.opens("/film/a", p256_key, now=clock.now + 599)
    assert not thief.opens("/film/a", p256_key, now=clock.now + 601)


def test_log_out_without_a_session_is_no_error(browser: Browser) -> None:
    assert browser.post("/auth/logout").status == 200


def test_log_out_with_a_broken_session_removes_it(browser: Browser) -> None:
    browser.kept[SESSION, "/"] = "canary"
    reply = browser.post("/auth/logout")
    assert reply.status == 200
    assert not browser.kept
