"""Sessions at a provider that takes each refresh token once: what errors and other requests do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from signer import PrivateKey
from signer.service import Reply
from tests.oidc.fake_provider import FakeProvider, fake_provider, page
from tests.oidc.token_maker import AUDIENCE, CLIENT_ID, Maker, ec_key, rsa_key
from tests.service.browsing import (
    BASE,
    Browser,
    Clock,
    content_of,
    environment,
    query_of,
    service_of,
)

SESSION = ("__Host-signer-session", "/")
URLS = {"items": [{"grant": "images", "item": "a.jpg"}]}
TENANTS = """
version = 1
[[grants]]
name = "docs"
path = "/t/{tenant}/*"
ttl = "4h"
[[grants]]
name = "gallery"
path = "/gallery/*"
when = { groups = ["gallery"] }
[[grants]]
name = "images"
path = "/gallery/*"
transport = "urls"
"""


class Provider:
    """Rotates refresh tokens, and knows one user at a time."""

    def __init__(self, remote: FakeProvider, maker: Maker, clock: Clock) -> None:
        self._remote, self._maker, self._clock = remote, maker, clock
        self.claims: dict[str, object] = {"sub": "ada", "tenant": "acme", "groups": ["gallery"]}
        self.nonce: str | None = None
        self.valid = 0
        self.revoked: list[str] = []
        remote.pages["/token"] = self._tokens
        remote.pages["/revoke"] = page({})

    def _tokens(self, server: BaseHTTPRequestHandler) -> None:
        form = self._remote.forms[-1]
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != f"r{self.valid}":
            page({"error": "invalid_grant"}, status=400)(server)
            return
        self.valid += 1
        maker = replace(self._maker, now=self._clock.now)
        nonce = self.nonce if form["grant_type"] == "authorization_code" else None
        id_token = maker.token(aud=CLIENT_ID, nonce=nonce, **self.claims)
        answer = {"access_token": "a", "token_type": "Bearer", "id_token": id_token}
        page(answer | {"refresh_token": f"r{self.valid}"})(server)

    def refreshes(self) -> int:
        return sum(form.get("grant_type") == "refresh_token" for form in self._remote.forms)

    def revocations(self) -> list[str]:
        return [form["token"] for form in self._remote.forms if "token" in form]


@pytest.fixture(scope="module")
def keys() -> Maker:
    return Maker("", 0, rsa_key("rsa"), ec_key("ec"), rsa_key("rsa"))


@pytest.fixture
def remote(keys: Maker) -> Iterator[FakeProvider]:
    with fake_provider() as running:
        running.publish(keys.rsa)
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def provider(remote: FakeProvider, keys: Maker, clock: Clock) -> Provider:
    return Provider(remote, replace(keys, issuer=remote.url), clock)


@pytest.fixture
def variables(tmp_path: Path, p256_key: PrivateKey, remote: FakeProvider) -> dict[str, str]:
    given = environment(
        tmp_path,
        p256_key,
        SIGNER_OIDC_ISSUER=remote.url,
        SIGNER_OIDC_CLIENT_ID=CLIENT_ID,
        SIGNER_TOKEN_AUDIENCE=AUDIENCE,
    )
    (tmp_path / "grants.toml").write_text(TENANTS, encoding="utf-8")
    return given


@pytest.fixture
def browser(variables: dict[str, str], clock: Clock) -> Browser:
    return Browser(service_of(variables, clock))


def log_in(browser: Browser, provider: Provider, **claims: object) -> Reply:
    provider.claims |= claims
    query = query_of(browser.to_provider())
    provider.nonce = query["nonce"]
    reply = browser.send("GET", f"/auth/callback?code=c&state={query['state']}")
    assert reply.status == 303, reply.body
    return reply


def test_an_error_after_a_refresh_does_not_lose_the_new_refresh_token(
    browser: Browser, provider: Provider, clock: Clock, tmp_path: Path
) -> None:
    log_in(browser, provider)
    clock.now += 16 * 60
    reply = browser.post("/auth/urls", {"items": [{"grant": "nothing", "item": "a"}]})
    assert (reply.status, reply.code) == (403, "grant_not_given")
    assert browser.post("/auth/cookies").status == 200
    document = (tmp_path / "credential.json").read_bytes()
    (tmp_path / "credential.json").unlink()
    clock.now += 31 * 60
    assert browser.post("/auth/cookies").code == "signing_unavailable"
    (tmp_path / "credential.json").touch(mode=0o600)
    (tmp_path / "credential.json").write_bytes(document)
    clock.now += 60
    time.sleep(1.1)  # the pause between two attempts at a key, by a clock that nobody sets
    assert browser.post("/auth/cookies").status == 200


def test_of_two_requests_for_urls_the_later_one_removes_nothing(
    browser: Browser, provider: Provider, clock: Clock
) -> None:
    log_in(browser, provider)
    clock.now += 16 * 60
    other = Browser(browser.service, dict(browser.kept))
    assert browser.post("/auth/urls", URLS).status == 200
    reply = other.post("/auth/urls", URLS)
    assert (reply.status, reply.code, reply.cookies) == (401, "session_ended", ())
    reply = other.send("GET", "/images/a.jpg/url")
    assert (reply.status, reply.code, reply.cookies) == (401, "session_ended", ())
    assert browser.post("/auth/cookies").status == 200


def test_who_logs_in_over_another_leaves_nothing_of_theirs(
    browser: Browser, provider: Provider, p256_key: PrivateKey
) -> None:
    log_in(browser, provider)
    assert browser.opens("/t/acme/a", p256_key)
    log_in(browser, provider, sub="bob", tenant="umbrella", groups=[])
    assert not browser.opens("/t/acme/a", p256_key)
    assert not browser.opens("/gallery/a", p256_key)
    assert browser.opens("/t/umbrella/a", p256_key)
    # The first one's session cannot be used from a copy either.
    assert provider.revocations() == ["r1"]


def test_the_same_user_again_is_not_logged_out_by_it(browser: Browser, provider: Provider) -> None:
    # RFC 7009, section 2.1: revoking one token may end all that the user was given with it.
    log_in(browser, provider)
    log_in(browser, provider)
    assert provider.revocations() == []
    assert browser.post("/auth/cookies").status == 200


def test_a_log_in_that_fails_ends_nobodys_session(browser: Browser, provider: Provider) -> None:
    log_in(browser, provider)
    provider.claims |= {"sub": "bob", "tenant": ["x" * 64 + str(n) for n in range(80)]}
    query = query_of(browser.to_provider())
    provider.nonce = query["nonce"]
    reply = browser.send("GET", f"/auth/callback?code=c&state={query['state']}")
    assert (reply.status, reply.cause) == (500, "session_too_large")
    assert provider.revocations() == []


def test_cookies_do_not_outlive_the_session(
    browser: Browser, provider: Provider, clock: Clock, p256_key: PrivateKey
) -> None:
    log_in(browser, provider)
    content = content_of(browser.post("/auth/cookies"))
    assert content["expires_in"] == 15 * 60
    del provider.claims["groups"]
    content = content_of(browser.post("/auth/cookies"))
    # The table says four hours, and the session is for one.
    assert content["expires_in"] == 3600
    assert browser.opens("/t/acme/a", p256_key, now=clock.now + 3599)
    assert not browser.opens("/t/acme/a", p256_key, now=clock.now + 3601)


def test_what_the_provider_gives_and_nobody_can_check_is_no_end_of_a_session(
    browser: Browser, provider: Provider, remote: FakeProvider, clock: Clock, keys: Maker
) -> None:
    log_in(browser, provider)
    # New keys at the provider, and somebody's unknown one has used up this minute's fetch.
    stranger = replace(keys, issuer=remote.url, now=clock.now, rsa=keys.stranger)
    other = Browser(browser.service)
    assert other.post("/auth/cookies", x_issuer_token=stranger.headed(kid="unknown")).status == 401
    provider._maker = replace(keys, issuer=remote.url, rsa=keys.stranger)
    remote.publish(keys.stranger)
    for _ in range(3):
        # Each time the provider takes the refresh token and gives another.
        before = provider.valid
        assert browser.post("/auth/cookies").status == 200
        assert provider.valid == before + 1
    clock.now += 61
    assert browser.post("/auth/cookies").status == 200


def test_claims_that_are_too_old_are_no_end_of_a_session_either(
    browser: Browser, provider: Provider, clock: Clock
) -> None:
    log_in(browser, provider)
    provider.claims["iss"] = "https://staging.example"
    clock.now += 15 * 60 + 301
    for path, content in (("/auth/cookies", {}), ("/auth/urls", URLS)):
        before = provider.valid
        reply = browser.post(path, content)
        assert (reply.status, reply.code, reply.cause) == (503, "unavailable", "provider_answer")
        assert provider.valid == before + 1
    del provider.claims["iss"]
    assert browser.post("/auth/cookies").status == 200


def test_an_answer_about_somebody_else_ends_it(browser: Browser, provider: Provider) -> None:
    log_in(browser, provider)
    provider.claims["sub"] = "eve"
    reply = browser.post("/auth/cookies")
    assert (reply.status, reply.code) == (401, "session_ended")
    assert not browser.kept


def test_too_many_groups_keep_nobody_out_of_the_rest(
    browser: Browser, provider: Provider, p256_key: PrivateKey
) -> None:
    reply = log_in(browser, provider, tenant=[f"t{n}" for n in range(21)])
    assert (reply.grants, reply.cause) == (("gallery",), "grant_too_many")
    assert browser.opens("/gallery/a", p256_key)
    reply = browser.post("/auth/cookies")
    assert (reply.status, reply.grants, reply.cause) == (200, ("gallery",), "grant_too_many")
    session = content_of(browser.send("GET", "/auth/session"))
    assert (session["subject"], session["grants"]) == ("ada", ["gallery", "images"])


def test_log_out_with_a_token_clears_what_its_bearer_may_have_had(
    variables: dict[str, str], clock: Clock, provider: Provider, remote: FakeProvider, keys: Maker
) -> None:
    del provider
    maker = replace(keys, issuer=remote.url, now=clock.now)
    browser = Browser(service_of(variables, clock))
    token = maker.token(tenant="acme", groups=["gallery"])
    assert browser.post("/auth/cookies", x_issuer_token=token).grants == ("docs", "gallery")
    # Not in the group any more: its cookies go with the next refresh.
    fewer = maker.token(tenant="acme")
    assert browser.post("/auth/cookies", x_issuer_token=fewer).grants == ("docs",)
    assert {path for _, path in browser.kept} == {"/t/acme/"}
    assert browser.post("/auth/logout", x_issuer_token=fewer).status == 200
    assert not browser.kept


def test_log_out_clears_what_session_and_token_were_given(
    browser: Browser, clock: Clock, provider: Provider, remote: FakeProvider, keys: Maker
) -> None:
    log_in(browser, provider)
    maker = replace(keys, issuer=remote.url, now=clock.now)
    token = maker.token(sub="bot", tenant="umbrella")
    assert browser.post("/auth/cookies", x_issuer_token=token).grants == ("docs",)
    assert {path for _, path in browser.kept} == {"/", "/t/acme/", "/t/umbrella/"}
    assert browser.post("/auth/logout", x_issuer_token=token).status == 200
    assert not browser.kept


def test_log_out_says_so_when_it_cannot_know_what_a_token_was_given(
    browser: Browser, clock: Clock, provider: Provider, remote: FakeProvider, keys: Maker
) -> None:
    log_in(browser, provider)
    maker = replace(keys, issuer=remote.url, now=clock.now)
    token = maker.token(sub="bot", tenant="umbrella", exp=int(clock.now) + 60)
    browser.post("/auth/cookies", x_issuer_token=token)
    clock.now += 600
    reply = browser.post("/auth/logout", x_issuer_token=token)
    assert (reply.status, reply.code) == (401, "token_expired")
    assert {path for _, path in browser.kept} == {"/t/umbrella/"}
    assert provider.revocations() == ["r1"]
    token = replace(maker, now=clock.now).token(sub="bot", tenant="umbrella")
    assert browser.post("/auth/logout", x_issuer_token=token).status == 200
    assert not browser.kept


def test_what_may_have_been_given_keeps_nobody_out_of_what_is(
    variables: dict[str, str], clock: Clock, remote: FakeProvider, keys: Maker, tmp_path: Path
) -> None:
    paid = "".join(
        f'[[grants]]\nname = "g{n}"\npath = "/g{n}/{{team}}/*"\nwhen = {{ paid = [true] }}\n'
        for n in range(3)
    )
    (tmp_path / "grants.toml").write_text(TENANTS + paid, encoding="utf-8")
    browser = Browser(service_of(variables, clock))
    maker = replace(keys, issuer=remote.url, now=clock.now)
    token = maker.token(tenant="acme", team=[f"team-{n:03}" for n in range(20)])
    assert browser.post("/auth/cookies", x_issuer_token=token).grants == ("docs",)


@pytest.mark.parametrize("missing", ["session-keys", "credential.json"])
def test_log_out_needs_neither_key_nor_session_keys(
    variables: dict[str, str], clock: Clock, provider: Provider, tmp_path: Path, missing: str
) -> None:
    browser = Browser(service_of(variables, clock))
    log_in(browser, provider)
    (tmp_path / missing).unlink()
    browser.service = service_of(variables, clock)
    assert browser.post("/auth/logout").status == 200
    # What has a slot can only be named by a session that can be read.
    left = {path for _, path in browser.kept}
    assert left == ({"/t/acme/"} if missing == "session-keys" else set())


def test_a_session_belongs_to_one_provider_client_and_site(
    variables: dict[str, str], clock: Clock, provider: Provider
) -> None:
    browser = Browser(service_of(variables, clock))
    log_in(browser, provider)
    asked = provider.refreshes()
    for changed in (
        {"SIGNER_OIDC_ISSUER": "http://127.0.0.1:9"},
        {"SIGNER_OIDC_CLIENT_ID": "another"},
        {"SIGNER_BASE_URL": "https://staging.example.com"},
    ):
        other = Browser(service_of(variables | changed, clock), dict(browser.kept))
        own = changed.get("SIGNER_BASE_URL", BASE)
        assert other.post("/auth/cookies", origin=own).code == "session_ended"
    assert provider.refreshes() == asked


def test_equal_items_are_signed_once(
    browser: Browser, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(browser, provider)
    signed: list[bytes] = []
    sign = PrivateKey.sign

    def counted(self: PrivateKey, message: bytes, *rest: object) -> bytes:
        signed.append(message)
        return sign(self, message, *rest)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(PrivateKey, "sign", counted)
    reply = browser.post("/auth/urls", {"items": URLS["items"] * 100})
    assert reply.status == 200
    urls = content_of(reply)["urls"]
    assert isinstance(urls, list)
    assert (len(urls), len(signed)) == (100, 1)


def test_the_grant_of_images_must_be_one(variables: dict[str, str], clock: Clock) -> None:
    from signer.errors import ConfigurationError  # noqa: PLC0415 - here only

    with pytest.raises(ConfigurationError, match="SIGNER_IMAGES_GRANT names no grant"):
        service_of(variables | {"SIGNER_IMAGES_GRANT": "imagse"}, clock)
