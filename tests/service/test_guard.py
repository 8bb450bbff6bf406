"""Which pages may call."""

from __future__ import annotations

import pytest

from signer.service import Reply, Request
from tests.service.browsing import BASE, Browser, Clock, service_of

APP = "https://app.example.com"
OTHERS = [
    "https://evil.example",
    "null",
    "",
    "http://media.example.com",
    "https://media.example.com:8443",
    "https://media.example.com.evil.example",
    "https://evil-media.example.com",
    "https://sub.media.example.com",
    "https://MEDIA.example.com",
    "https://media.example.com/",
    " https://media.example.com",
    "https://media.example.com, https://evil.example",
    "*",
]


@pytest.fixture
def browser(variables: dict[str, str], clock: Clock) -> Browser:
    return Browser(service_of({**variables, "SIGNER_ALLOWED_ORIGINS": APP}, clock))


@pytest.mark.parametrize("target", ["/auth/cookies", "/auth/urls", "/auth/logout"])
@pytest.mark.parametrize("origin", OTHERS)
def test_a_post_of_another_origin_changes_nothing(
    browser: Browser, target: str, origin: str
) -> None:
    browser.log_in()
    kept = dict(browser.kept)
    reply = browser.post(target, origin=origin)
    assert (reply.status, reply.code) == (403, "origin")
    assert not reply.cookies
    assert "Access-Control-Allow-Origin" not in reply.headers
    assert browser.kept == kept


@pytest.mark.parametrize("target", ["/auth/cookies", "/auth/urls", "/auth/logout"])
@pytest.mark.parametrize("value", [None, "", "0", "true", "1,1"])
def test_a_post_without_the_header_changes_nothing(
    browser: Browser, target: str, value: str | None
) -> None:
    headers = {"origin": BASE} | ({} if value is None else {"x-issuer-request": value})
    reply = browser.send("POST", target, headers=headers, content={})
    assert (reply.status, reply.code) == (403, "csrf_header")
    assert not reply.cookies


def test_a_cross_site_post_without_an_origin_is_refused(browser: Browser) -> None:
    headers = {"x-issuer-request": "1", "sec-fetch-site": "cross-site"}
    assert browser.send("POST", "/auth/logout", headers=headers).code == "origin"


def test_a_client_that_is_no_browser_needs_no_origin(browser: Browser) -> None:
    assert browser.send("POST", "/auth/logout", headers={"x-issuer-request": "1"}).status == 200


def allowed(reply: Reply) -> tuple[str | None, str | None]:
    return (
        reply.headers.get("Access-Control-Allow-Origin"),
        reply.headers.get("Access-Control-Allow-Credentials"),
    )


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_a_listed_origin_may_call_and_read(browser: Browser, method: str) -> None:
    headers = {"origin": APP, "x-issuer-request": "1", "sec-fetch-site": "same-site"}
    reply = browser.send(method, "/auth/logout", headers=headers, content={})
    assert reply.status in {200, 204}
    assert allowed(reply) == (APP, "true")
    assert reply.headers["Vary"] == "Origin"


def test_a_preflight_permits_what_the_browser_helper_sends(browser: Browser) -> None:
    reply = browser.send("OPTIONS", "/auth/cookies", headers={"origin": APP})
    permitted = reply.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"content-type", "x-amz-content-sha256", "x-issuer-request", "x-issuer-token"} <= set(
        permitted
    )
    assert reply.headers["Access-Control-Allow-Methods"] == "GET, POST"


@pytest.mark.parametrize("origin", OTHERS)
def test_a_preflight_permits_other_origins_nothing(browser: Browser, origin: str) -> None:
    reply = browser.send("OPTIONS", "/auth/cookies", headers={"origin": origin})
    assert allowed(reply) == (None, None)


@pytest.mark.parametrize("target", ["/auth/session", "/images/a/url"])
@pytest.mark.parametrize("origin", OTHERS)
def test_other_origins_read_nothing(browser: Browser, target: str, origin: str) -> None:
    reply = browser.service.handle(Request("GET", target, headers={"origin": origin}))
    assert allowed(reply) == (None, None)
    assert reply.headers["Vary"] == "Origin"
