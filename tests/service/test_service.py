"""Cookies, URLs and refresh: what the API gives to whom."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Never

import pytest

from signer import PrivateKey
from signer.dev.identity import IdentityProvider
from signer.encoding import decode_base64
from signer.errors import RemoteError
from signer.service import Request, Service
from tests.loopback_identity import AUDIENCE, identity_provider
from tests.service.browsing import (
    BASE,
    GRANTS,
    PUBLIC,
    Browser,
    Clock,
    content_of,
    environment,
    opens_url,
    service_of,
)

SESSION = ("__Host-signer-session", "/")
URLS = {"items": [{"grant": "images", "item": "a.jpg"}]}


def test_a_refresh_gives_new_cookies_and_says_until_when(
    browser: Browser, p256_key: PrivateKey, clock: Clock
) -> None:
    browser.log_in()
    clock.now += 480
    reply = browser.post("/auth/cookies")
    assert reply.status == 200
    assert content_of(reply) == {
        "grants": ["gallery", "film"],
        "expires_at": int(clock.now) + 600,
        "expires_in": 600,
    }
    # The first cookies for the film have ended by now.
    assert browser.opens("/film/a", p256_key, now=clock.now + 500)
    assert not browser.opens("/film/a", p256_key, now=clock.now + 601)


def test_refreshing_keeps_a_session_alive(browser: Browser, clock: Clock) -> None:
    browser.log_in()
    for _ in range(5):
        clock.now += 3000
        assert browser.post("/auth/cookies").status == 200
    clock.now += 3601
    assert browser.post("/auth/cookies").code == "session_ended"


def test_a_withdrawn_entitlement_is_gone_with_the_next_refresh(
    browser: Browser, provider: IdentityProvider, p256_key: PrivateKey
) -> None:
    browser.log_in("ada")
    assert browser.opens("/film/a", p256_key)
    provider.set_groups("ada", "gallery")
    reply = browser.post("/auth/cookies")
    assert reply.grants == ("gallery",)
    assert browser.opens("/gallery/a", p256_key)
    assert not [name for name, path in browser.kept if path == "/film/"]
    # And back again.
    provider.set_groups("ada", "gallery", "cinema")
    browser.post("/auth/cookies")
    assert browser.opens("/film/a", p256_key)


def test_a_session_that_the_provider_ended_ends_here(browser: Browser) -> None:
    import httpx  # noqa: PLC0415

    browser.log_in("ada")
    issuer = browser.to_provider().partition("/oauth2")[0]
    httpx.post(f"{issuer}/users/ada/revoke-tokens", trust_env=False).raise_for_status()
    reply = browser.post("/auth/cookies")
    assert (reply.status, reply.code) == (401, "session_ended")
    assert not [name for name, _ in browser.kept if name != "__Host-signer-login"]


def unreachable(*_: object, **__: object) -> Never:
    raise RemoteError("remote_unreachable", "nobody answers")


def test_while_the_provider_is_down_claims_serve_for_a_limited_time(
    variables: dict[str, str], clock: Clock, p256_key: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(service_of(variables, clock))
    browser.log_in()
    monkeypatch.setattr("signer.https.request", unreachable)
    clock.now += 15 * 60 + 5 * 60 - 1
    assert browser.post("/auth/cookies").status == 200
    assert browser.opens("/film/a", p256_key, now=clock.now)
    assert browser.post("/auth/urls", URLS).status == 200
    clock.now += 2
    for reply in (browser.post("/auth/cookies"), browser.post("/auth/urls", URLS)):
        assert (reply.status, reply.code) == (503, "unavailable")
        assert reply.headers["Retry-After"]
    assert SESSION in browser.kept


def test_nobody_gets_nothing(browser: Browser) -> None:
    reply = browser.post("/auth/cookies")
    assert (reply.status, reply.code) == (401, "login_required")
    assert not browser.kept
    assert browser.post("/auth/urls", URLS).code == "login_required"


def test_public_grants_need_no_log_in(tmp_path: Path, p256_key: PrivateKey, clock: Clock) -> None:
    variables = environment(tmp_path, p256_key, TABLE=GRANTS + PUBLIC, SIGNER_GRANTS="env:TABLE")
    del variables["SIGNER_SESSION_KEYS"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TABLE", GRANTS + PUBLIC)
        browser = Browser(service_of(variables, clock))
    assert browser.post("/auth/cookies").grants == ("trailers",)
    assert browser.opens("/trailers/a.mp4", p256_key)
    assert not browser.opens("/gallery/a.jpg", p256_key)


def test_urls_are_signed_for_items_of_grants(browser: Browser, p256_key: PrivateKey) -> None:
    browser.log_in("guest")
    items = [{"grant": "images", "item": "a b.jpg"}, {"grant": "images", "item": "é.jpg"}]
    reply = browser.post("/auth/urls", {"items": items})
    assert reply.status == 200
    urls = content_of(reply)["urls"]
    assert isinstance(urls, list)
    assert [url["item"] for url in urls] == ["a b.jpg", "é.jpg"]
    assert all(opens_url(url["url"], p256_key) for url in urls)


def test_an_image_url(browser: Browser, p256_key: PrivateKey, clock: Clock) -> None:
    assert browser.send("GET", "/images/a.jpg/url").code == "login_required"
    browser.log_in("guest")
    content = content_of(browser.send("GET", "/images/a%20b.jpg/url"))
    assert content["expires_at"] == int(clock.now) + 300
    url = str(content["url"])
    assert url.startswith(f"{BASE}/gallery/a%20b.jpg?")
    assert opens_url(url, p256_key)
    assert set(content) == {"url", "expires_at"}


@pytest.mark.parametrize(
    ("name", "status"), [("..", 400), ("*", 400), ("a%2F..%2Fb", 400), ("%2541", 400), ("", 404)]
)
def test_an_odd_image_name_opens_nothing(browser: Browser, name: str, status: int) -> None:
    browser.log_in()
    assert browser.send("GET", f"/images/{name}/url").status == status


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"items": []},
        {"items": "x"},
        {"items": [{"grant": "images"}]},
        {"items": [{"grant": "images", "item": 1}]},
        {"items": [{"grant": "images", "item": "a", "resource": f"{BASE}/*"}]},
        {"items": [{"grant": "images", "item": "a"}] * 101},
    ],
)
def test_items_of_another_form_are_refused(browser: Browser, content: object) -> None:
    browser.log_in()
    reply = browser.post("/auth/urls", content)
    assert (reply.status, reply.code) == (400, "items")


@pytest.mark.parametrize("grant", ["film", "nothing", "*", ""])
def test_a_grant_that_is_not_given_looks_like_none(browser: Browser, grant: str) -> None:
    browser.log_in("guest")
    reply = browser.post("/auth/urls", {"items": [{"grant": grant, "item": "a"}]})
    assert (reply.status, reply.code) == (403, "grant_not_given")


def test_signing_urls_does_not_ask_the_provider_while_claims_are_recent(
    variables: dict[str, str], clock: Clock, provider: IdentityProvider
) -> None:
    browser = Browser(service_of(variables, clock))
    browser.log_in("guest")
    provider.set_groups("guest")
    clock.now += 899
    assert browser.post("/auth/urls", URLS).status == 200
    clock.now += 2
    assert browser.post("/auth/urls", URLS).code == "grant_not_given"


def test_a_bearer_token_gets_cookies_without_a_session(
    tmp_path: Path, p256_key: PrivateKey, clock: Clock
) -> None:
    with identity_provider() as running:
        tokens = {"SIGNER_OIDC_ISSUER": running.url, "SIGNER_TOKEN_AUDIENCE": AUDIENCE}
        variables = environment(tmp_path, p256_key, SIGNER_SESSION_KEYS=None, **tokens)
        token = running.token(groups=["cinema"])
        for field, value in [("x_issuer_token", token), ("authorization", f"Bearer {token}")]:
            browser = Browser(service_of(variables, clock))
            assert browser.post("/auth/cookies", **{field: value}).grants == ("film",)
            assert browser.opens("/film/a", p256_key)
            assert SESSION not in browser.kept
        reply = browser.post("/auth/cookies", x_issuer_token=token[:-4] + "AAAA")
    assert (reply.status, reply.code) == (401, "token_signature")
    assert reply.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_token_where_none_are_taken_is_refused(browser: Browser) -> None:
    browser.log_in()
    assert browser.post("/auth/cookies", x_issuer_token="canary").code == "token_refused"


def test_a_credential_that_cannot_be_read_is_unavailable_and_comes_back(
    variables: dict[str, str], clock: Clock, tmp_path: Path, p256_key: PrivateKey
) -> None:
    file = tmp_path / "credential.json"
    document = file.read_bytes()
    file.unlink()
    service = service_of(variables, clock)
    service.warm()
    browser = Browser(service)
    callback = browser.at_provider(browser.to_provider(), "ada")
    reply = browser.send("GET", callback)
    assert (reply.status, reply.code, reply.cause) == (
        503,
        "signing_unavailable",
        "credential_missing",
    )
    assert str(tmp_path) not in reply.body
    file.touch(mode=0o600)
    file.write_bytes(document)
    clock.now += 60
    browser.log_in()
    assert browser.opens("/film/a", p256_key)


def test_what_is_issued_is_bound_to_no_viewers_address(browser: Browser) -> None:
    browser.log_in("ada")
    signed = browser.post("/auth/urls", URLS).body
    assert "Signature=" in signed
    assert "Policy=" not in signed  # a canned policy has no place for an address
    coded = [value for (name, _), value in browser.kept.items() if name == "CloudFront-Policy"]
    assert len(coded) == 2
    for value in coded:
        [statement] = json.loads(decode_base64(value))["Statement"]
        assert list(statement["Condition"]) == ["DateLessThan"]


def test_cross_site_cookies_are_a_setting(variables: dict[str, str], clock: Clock) -> None:
    browser = Browser(service_of({**variables, "SIGNER_CROSS_SITE_COOKIES": "true"}, clock))
    lines = [line for line in browser.log_in().cookies if line.startswith("CloudFront-")]
    assert lines
    assert all("SameSite=None; Partitioned" in line for line in lines)


def test_a_restored_copy_reads_its_secrets_again(service: Service, tmp_path: Path) -> None:
    browser = Browser(service)
    browser.log_in()
    (tmp_path / "credential.json").unlink()
    service.forget()
    assert browser.post("/auth/cookies").code == "signing_unavailable"


def test_every_answer_is_never_stored(browser: Browser) -> None:
    targets = ["/auth/login", "/auth/session", "/auth/client.js", "/auth/callback", "/no", "/"]
    replies = [browser.send("GET", target) for target in targets]
    replies += [browser.post("/auth/cookies"), browser.log_in(), browser.post("/auth/logout")]
    replies.append(browser.service.handle(Request("OPTIONS", "/auth/cookies")))
    for reply in replies:
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_a_refresh_never_redirects(browser: Browser) -> None:
    replies = [browser.post("/auth/cookies"), browser.post("/auth/urls")]
    browser.log_in()
    replies += [browser.post("/auth/cookies"), browser.post("/auth/logout")]
    assert not [reply for reply in replies if 300 <= reply.status < 400]


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/auth/cookies", 405),
        ("POST", "/auth/login", 405),
        ("DELETE", "/auth/session", 405),
        ("GET", "/auth/", 404),
        ("GET", "/auth/login/", 404),
        ("GET", "/AUTH/login", 404),
        ("GET", "/images/a/b/url", 404),
    ],
)
def test_other_routes_and_methods(browser: Browser, method: str, target: str, status: int) -> None:
    reply = browser.send(method, target)
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "media_type", "code"),
    [
        (b"{", "application/json", "body"),
        (b"[]", "application/json", "body"),
        (b"\xff", "application/json", "body"),
        (b"[" * 60_000, "application/json", "body"),
        (b"{}", "text/plain", "media_type"),
        (b" " * 70_000, "application/json", "body_too_large"),
    ],
)
def test_bodies_of_another_form_are_refused(
    browser: Browser, body: bytes, media_type: str, code: str
) -> None:
    headers = {"content-type": media_type, "x-issuer-request": "1", "origin": BASE}
    reply = browser.service.handle(Request("POST", "/auth/urls", headers=headers, body=body))
    assert reply.code == code


def test_an_unforeseen_error_tells_nothing(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr("signer.service.viewer.Viewers.session", fail)
    reply = browser.post("/auth/cookies")
    assert (reply.status, reply.code) == (500, "internal")
    assert "canary" not in repr(replace(reply)) + reply.body
    assert reply.cause is not None
    assert reply.cause.startswith("RuntimeError at tests.service.test_service:")
