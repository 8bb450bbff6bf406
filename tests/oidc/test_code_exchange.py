"""The code's exchange with a provider that misbehaves, and how we say who we are."""

from __future__ import annotations

import base64

import pytest

from signer.errors import CredentialError, IdentityError, RemoteError, SignerError
from signer.oidc.login import LoginFlow
from signer.oidc.provider import Provider
from signer.oidc.seal import Seal, new_key
from tests.oidc.browsing import REDIRECT_URI, Browser, query_of
from tests.oidc.fake_provider import Clock, FakeProvider, Page, hang_up, nobody_home, page
from tests.oidc.token_maker import CLIENT_ID, Maker, compact, rs256


@pytest.fixture
def flow(provider: Provider, clock: Clock) -> LoginFlow:
    return LoginFlow(
        provider,
        client_id=CLIENT_ID,
        redirect_uri=REDIRECT_URI,
        seal=Seal([new_key()], clock=clock),
        clock=clock,
    )


@pytest.fixture
def browser(flow: LoginFlow) -> Browser:
    return Browser(flow)


def answer(id_token: str | None) -> Page:
    members = {"access_token": "at-1", "token_type": "bearer", "id_token": id_token}
    return page({name: value for name, value in members.items() if value is not None})


def callback(browser: Browser) -> tuple[dict[str, str], str]:
    """A callback's query, and the nonce of its log-in."""
    asked = query_of(browser.begin("/a").location)
    return {"code": "code-canary", "state": asked["state"]}, asked["nonce"]


def test_the_exchange_proves_the_browser(
    browser: Browser, remote: FakeProvider, maker: Maker
) -> None:
    query, nonce = callback(browser)
    remote.pages["/token"] = answer(maker.id_token(nonce=nonce))
    someone = browser.finish(query)
    assert (someone.subject, someone.refresh_token, someone.return_to) == ("ada", None, "/a")
    form = remote.forms[0]
    assert len(form.pop("code_verifier")) == 43
    assert form == {
        "grant_type": "authorization_code",
        "code": "code-canary",
        "redirect_uri": REDIRECT_URI,
        "client_id": CLIENT_ID,
    }


def test_the_id_token_of_another_log_in_is_refused(
    browser: Browser, remote: FakeProvider, maker: Maker
) -> None:
    """A provider without PKCE: what is left is the nonce, and it is enough."""
    query, _ = callback(browser)
    for other in ("attackers-nonce", None):
        remote.pages["/token"] = answer(maker.id_token(nonce=other))
        with pytest.raises(IdentityError) as caught:
            browser.flow.finish(query, browser.cookie)
        assert caught.value.code == "token_nonce"


def test_a_forged_id_token_is_refused(browser: Browser, remote: FakeProvider, maker: Maker) -> None:
    query, nonce = callback(browser)
    claims = maker.claims(aud=CLIENT_ID, nonce=nonce)
    remote.pages["/token"] = answer(compact(maker.header(), claims, rs256(maker.stranger)))
    with pytest.raises(IdentityError) as caught:
        browser.finish(query)
    assert caught.value.code == "token_signature"


@pytest.mark.parametrize(
    ("code", "token_page"),
    [
        ("login_code", page({"error": "invalid_grant"}, status=400)),
        ("provider_refused", page({"error": "unauthorized_client"}, status=400)),
        ("provider_unavailable", page({}, status=503)),
        ("provider_answer", answer(None)),
        ("provider_answer", page(b"\xff")),
        ("remote_unreachable", hang_up),
    ],
)
def test_every_refusal_is_typed_and_tells_nothing(
    browser: Browser, remote: FakeProvider, code: str, token_page: Page
) -> None:
    query, _ = callback(browser)
    remote.pages["/token"] = token_page
    with pytest.raises(SignerError) as caught:
        browser.finish(query)
    assert caught.value.code == code
    verifier = remote.forms[0]["code_verifier"]
    shown = f"{caught.value} {caught.value!r} {dict(caught.value.evidence)}"
    assert not any(secret in shown for secret in ("canary", verifier, query["state"]))


def test_a_provider_that_names_itself_must_do_so(
    browser: Browser, remote: FakeProvider, maker: Maker
) -> None:
    """RFC 9207, section 2.4: an answer without iss is then an attack."""
    remote.discover(authorization_response_iss_parameter_supported=True)
    query, nonce = callback(browser)
    remote.pages["/token"] = answer(maker.id_token(nonce=nonce))
    with pytest.raises(IdentityError) as caught:
        browser.flow.finish(query, browser.cookie)
    assert caught.value.code == "login_issuer"
    assert browser.finish({**query, "iss": remote.url}).subject == "ada"


def test_the_secret_is_read_at_each_use_and_spelled_by_the_rules(
    provider: Provider, remote: FakeProvider, clock: Clock
) -> None:
    secrets = iter(["s:1 %", "s-2"])
    flow = LoginFlow(
        provider,
        client_id="client:of test",
        client_secret=lambda: next(secrets),
        redirect_uri=REDIRECT_URI,
        seal=Seal([new_key()], clock=clock),
    )
    for expected in ("client%3Aof+test:s%3A1+%25", "client%3Aof+test:s-2"):
        with pytest.raises(RemoteError):
            flow.renew("rt")
        sent = remote.authorizations[-1]
        assert sent is not None
        assert base64.b64decode(sent.removeprefix("Basic ")).decode() == expected
        assert "client_id" not in remote.forms[-1]


def test_an_authorization_endpoint_with_a_query_keeps_it(
    browser: Browser, remote: FakeProvider
) -> None:
    remote.discover(authorization_endpoint=f"{remote.url}/authorize?tenant=a")
    asked = query_of(browser.begin().location)
    assert asked["tenant"] == "a"
    assert asked["response_type"] == "code"


def test_a_log_in_cannot_begin_without_the_provider(clock: Clock) -> None:
    with nobody_home() as url:
        flow = LoginFlow(
            Provider(url, clock=clock),
            client_id=CLIENT_ID,
            redirect_uri=REDIRECT_URI,
            seal=Seal([new_key()]),
        )
        with pytest.raises(RemoteError) as caught:
            flow.begin("/")
    assert caught.value.code == "provider_unavailable"


# Log-out


def test_a_refresh_token_is_ended_at_the_provider(flow: LoginFlow, remote: FakeProvider) -> None:
    remote.pages["/revoke"] = page(b"")
    assert flow.revoke("rt-1")
    expected = {"token": "rt-1", "token_type_hint": "refresh_token", "client_id": CLIENT_ID}
    assert remote.forms == [expected]


@pytest.mark.parametrize("answered", [page({}, status=400), page({}, status=503), hang_up])
def test_a_failed_revocation_is_no_error(
    flow: LoginFlow, remote: FakeProvider, answered: Page
) -> None:
    remote.pages["/revoke"] = answered
    assert flow.revoke("rt-1") is False


def test_nor_is_a_provider_without_revocation(flow: LoginFlow, remote: FakeProvider) -> None:
    remote.discover(revocation_endpoint=None)
    assert flow.revoke("rt-1") is False
    assert remote.forms == []


def test_nor_a_secret_that_cannot_be_read(provider: Provider) -> None:
    def unreadable() -> str:
        raise CredentialError("credential_unreadable", "the secret store is down")

    flow = LoginFlow(
        provider,
        client_id=CLIENT_ID,
        client_secret=unreadable,
        redirect_uri=REDIRECT_URI,
        seal=Seal([new_key()]),
    )
    assert flow.revoke("rt-1") is False
