"""Claims read again: changed, withdrawn, another's, or not to be had."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from signer.dev.identity import IdentityProvider, running_identity_provider
from signer.errors import IdentityError, RemoteError, SignerError
from signer.oidc.login import LoginFlow
from signer.oidc.provider import Provider
from signer.oidc.seal import Seal, new_key
from tests.oidc.browsing import REDIRECT_URI, Browser
from tests.oidc.fake_provider import Clock, FakeProvider, Page, hang_up, page
from tests.oidc.token_maker import CLIENT_ID, Maker


@pytest.fixture
def idp() -> Iterator[IdentityProvider]:
    with running_identity_provider() as running:
        yield running


def flow_at(idp: IdentityProvider) -> LoginFlow:
    client = idp.register(REDIRECT_URI)
    return LoginFlow(
        Provider(idp.issuer_url),
        client_id=client.client_id,
        client_secret=lambda: client.secret,
        redirect_uri=REDIRECT_URI,
        seal=Seal([new_key()]),
    )


def claims_of(flow: LoginFlow, refresh_token: str) -> dict[str, object]:
    return flow.claims(flow.renew(refresh_token), subject="ada")


def test_claims_that_changed_are_seen(idp: IdentityProvider) -> None:
    flow = flow_at(idp)
    someone = Browser(flow).log_in("ada")
    assert someone.refresh_token
    idp.set_groups("ada", "gallery")
    again = flow.renew(someone.refresh_token)
    assert flow.claims(again, subject="ada")["groups"] == ["gallery"]
    assert again.refresh_token
    idp.set_groups("ada")
    assert claims_of(flow, again.refresh_token)["groups"] == []


def test_an_answer_about_another_person_is_refused(idp: IdentityProvider) -> None:
    flow = flow_at(idp)
    someone = Browser(flow).log_in("guest")
    assert someone.refresh_token
    with pytest.raises(IdentityError) as caught:
        claims_of(flow, someone.refresh_token)
    assert caught.value.code == "session_subject"


def test_a_session_that_the_provider_ended_has_ended(idp: IdentityProvider) -> None:
    flow = flow_at(idp)
    someone = Browser(flow).log_in("ada")
    assert someone.refresh_token
    idp._send("POST", "/users/ada/revoke-tokens", {})
    with pytest.raises(IdentityError) as caught:
        claims_of(flow, someone.refresh_token)
    assert caught.value.code == "session_ended"
    assert someone.refresh_token not in str(caught.value)


def test_a_provider_that_is_down_is_no_end_of_the_session() -> None:
    """The caller can tell the two apart by type, and decide whether to go on."""
    with running_identity_provider() as idp:
        flow = flow_at(idp)
        someone = Browser(flow).log_in("ada")
    assert someone.refresh_token
    with pytest.raises(RemoteError) as caught:
        claims_of(flow, someone.refresh_token)
    assert caught.value.code == "remote_unreachable"


# Answers that the real provider never gives.


@pytest.fixture
def flow(provider: Provider, clock: Clock) -> LoginFlow:
    return LoginFlow(
        provider,
        client_id=CLIENT_ID,
        redirect_uri=REDIRECT_URI,
        seal=Seal([new_key()], clock=clock),
        clock=clock,
    )


def answer(**members: object) -> Page:
    usual = {"access_token": "at-1", "token_type": "Bearer", "expires_in": 300}
    return page({**usual, **members})


def code_of(flow: LoginFlow) -> str:
    with pytest.raises(SignerError) as caught:
        claims_of(flow, "rt-canary")
    assert "canary" not in f"{caught.value} {caught.value!r} {dict(caught.value.evidence)}"
    return caught.value.code


def test_a_new_id_token_is_verified_and_its_claims_are_used(
    flow: LoginFlow, remote: FakeProvider, maker: Maker
) -> None:
    remote.pages["/token"] = answer(id_token=maker.id_token(nonce=None, groups=["staff"]))
    assert claims_of(flow, "rt-1")["groups"] == ["staff"]
    assert remote.forms == [
        {"grant_type": "refresh_token", "refresh_token": "rt-1", "client_id": CLIENT_ID}
    ]
    assert remote.count("/userinfo") == 0


def test_the_providers_newest_refresh_token_is_kept(
    flow: LoginFlow, remote: FakeProvider, maker: Maker
) -> None:
    remote.pages["/token"] = answer(id_token=maker.id_token(), refresh_token="rt-2")
    assert flow.renew("rt-1").refresh_token == "rt-2"
    for same in ({}, {"refresh_token": ""}):
        remote.pages["/token"] = answer(id_token=maker.id_token(), **same)
        assert flow.renew("rt-1").refresh_token == "rt-1"


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("session_subject", {"sub": "eve"}),
        ("token_issuer", {"iss": "https://other.example"}),
        ("token_audience", {"aud": "other"}),
        ("token_audience", {"azp": "other"}),
        ("token_expired", {"exp": 1}),
        ("token_use", {"token_use": "access"}),
        ("token_binding", {"at_hash": "x"}),
    ],
)
def test_a_wrong_id_token_is_refused(
    flow: LoginFlow, remote: FakeProvider, maker: Maker, code: str, changes: dict[str, object]
) -> None:
    remote.pages["/token"] = answer(id_token=maker.id_token(**changes))
    assert code_of(flow) == code


@pytest.mark.parametrize(
    ("code", "userinfo"),
    [
        ("session_subject", page({"sub": "eve"})),
        ("session_subject", page({"groups": ["staff"]})),
        ("session_subject", page({"sub": ["ada"]})),
        ("session_ended", page({}, status=401)),
        ("session_ended", page({}, status=403)),
        ("provider_unavailable", page({}, status=500)),
        ("provider_unavailable", page({}, status=302)),
        ("provider_answer", page(b"a.signed.jwt")),
        ("provider_answer", page([])),
        ("provider_answer", page(b'{"sub":"ada","sub":"ada"}')),
        ("remote_too_large", page(b" " * 200_000)),
        ("remote_unreachable", hang_up),
    ],
)
def test_without_an_id_token_userinfo_is_asked(
    flow: LoginFlow, remote: FakeProvider, code: str, userinfo: Page
) -> None:
    remote.pages["/token"] = answer()
    remote.pages["/userinfo"] = page({"sub": "ada", "groups": ["staff"]})
    assert claims_of(flow, "rt-1")["groups"] == ["staff"]
    assert remote.authorizations[-1] == "Bearer at-1"
    remote.pages["/userinfo"] = userinfo
    assert code_of(flow) == code


def test_without_either_there_is_nothing_to_read(flow: LoginFlow, remote: FakeProvider) -> None:
    remote.discover(userinfo_endpoint=None)
    remote.pages["/token"] = answer()
    assert code_of(flow) == "provider_answer"


@pytest.mark.parametrize(
    ("code", "token_page"),
    [
        ("session_ended", page({"error": "invalid_grant"}, status=400)),
        ("session_ended", page({"error": "invalid_grant"}, status=401)),
        ("provider_refused", page({"error": "invalid_client"}, status=401)),
        ("provider_refused", page({"error": ["canary"]}, status=400)),
        ("provider_refused", page({"error": "canary"}, status=400)),
        ("provider_refused", page(b"canary", status=404)),
        ("provider_unavailable", page({"error": "invalid_grant"}, status=500)),
        ("provider_unavailable", page({"error": "invalid_grant"}, status=429)),
        ("provider_unavailable", page({}, status=302)),
        ("provider_answer", page(b"canary")),
        ("provider_answer", page({})),
        ("provider_answer", answer(token_type="DPoP")),
        ("provider_answer", answer(token_type=None)),
        ("provider_answer", answer(access_token=None)),
        ("provider_answer", answer(access_token="")),
        ("provider_answer", answer(access_token="canary\r\nX-Injected: 1")),
        ("provider_answer", answer(access_token="canary\u20ac")),
        ("provider_answer", answer(access_token=["at"])),
        ("provider_answer", answer(id_token=7)),
        ("provider_answer", answer(refresh_token={})),
        ("token_malformed", answer(id_token="canary")),
        ("remote_too_large", page(b" " * 200_000)),
        ("remote_unreachable", hang_up),
    ],
)
def test_every_other_answer_is_a_typed_error(
    flow: LoginFlow, remote: FakeProvider, code: str, token_page: Page
) -> None:
    remote.pages["/token"] = token_page
    assert code_of(flow) == code
