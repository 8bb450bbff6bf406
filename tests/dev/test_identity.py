from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from signer.dev import identity
from signer.dev.identity import ACCOUNTS, Client, IdentityProvider, running_identity_provider

# The mock's own way with its library.
pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")

BACK = "http://localhost:8080/auth/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters"


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with running_identity_provider() as running:
        yield running


@pytest.fixture(scope="module")
def client(provider: IdentityProvider) -> Client:
    return provider.register(BACK)


@pytest.fixture
def viewer(provider: IdentityProvider) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=provider.issuer_url, trust_env=False) as viewer:
        yield viewer


def asked(client: Client, **changed: str) -> dict[str, str]:
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    return {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": BACK,
        "scope": "openid profile",
        "state": "s",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
        **changed,
    }


def code_of(viewer: httpx.Client, client: Client, account: str) -> str:
    answer = viewer.post("/oauth2/authorize", params=asked(client), data={"sub": account})
    assert answer.status_code == 302
    back = httpx.URL(answer.headers["location"])
    assert str(back).startswith(BACK + "?")
    assert back.params["state"] == "s"
    return back.params["code"]


def tokens(viewer: httpx.Client, client: Client, **form: str) -> httpx.Response:
    return viewer.post("/oauth2/token", data=form, auth=(client.client_id, client.secret))


def bought(viewer: httpx.Client, client: Client, code: str, verifier: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "redirect_uri": BACK}
    return tokens(viewer, client, code=code, code_verifier=verifier, **form)


def test_everybody_can_log_in_with_their_groups(viewer: httpx.Client, client: Client) -> None:
    for account, groups in ACCOUNTS.items():
        page = viewer.get("/oauth2/authorize", params=asked(client))
        assert f'value="{account}"' in page.text
        answer = bought(viewer, client, code_of(viewer, client, account), VERIFIER)
        _, payload, _ = answer.json()["id_token"].split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        assert (claims["sub"], tuple(claims["groups"])) == (account, groups)


@pytest.mark.parametrize("verifier", ["", VERIFIER + "!", "another-one" * 5])
def test_a_code_without_its_verifier_buys_nothing_ever(
    viewer: httpx.Client, client: Client, verifier: str
) -> None:
    code = code_of(viewer, client, "ada")
    assert bought(viewer, client, code, verifier).status_code == 400
    assert bought(viewer, client, code, VERIFIER).status_code == 400


@pytest.mark.parametrize("method", ["plain", "", "s256"])
def test_pkce_is_asked_for(viewer: httpx.Client, client: Client, method: str) -> None:
    question = asked(client, code_challenge_method=method)
    assert viewer.get("/oauth2/authorize", params=question).status_code == 400


def test_nobody_is_sent_to_another_address(viewer: httpx.Client, client: Client) -> None:
    question = asked(client, redirect_uri="http://localhost:8080/elsewhere")
    answer = viewer.post("/oauth2/authorize", params=question, data={"sub": "ada"})
    assert "code=" not in answer.headers.get("location", "")


def test_a_group_that_was_withdrawn_is_gone_at_the_next_refresh(
    viewer: httpx.Client, client: Client, provider: IdentityProvider
) -> None:
    first = bought(viewer, client, code_of(viewer, client, "ada"), VERIFIER).json()
    provider.set_groups("ada", "gallery")
    try:
        refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = tokens(viewer, client, **refresh).json()
        bearer = {"Authorization": f"Bearer {second['access_token']}"}
        assert viewer.get("/userinfo", headers=bearer).json()["groups"] == ["gallery"]
    finally:
        provider.set_groups("ada", *ACCOUNTS["ada"])


def test_a_page_carries_names_as_text(viewer: httpx.Client, client: Client) -> None:
    text = "<script>alert(1)</script>"
    question = asked(client, client_id=text)
    assert text not in viewer.get("/oauth2/authorize", params=question).text
    page = viewer.get("/oauth2/end_session", params={"post_logout_redirect_uri": text})
    assert text not in page.text
    assert html.escape(text) in page.text


def test_no_page_asks_another_server_for_anything() -> None:
    for page in (Path(identity.__file__).parent / "pages").iterdir():
        assert not re.search(r"(?:src|href|url\()\s*=?\s*[\"']?(?:https?:)?//", page.read_text())
