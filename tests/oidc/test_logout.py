"""Where a browser is sent to log out at the provider, in OpenID Connect's form and in Cognito's."""

from __future__ import annotations

import httpx

from signer.dev.identity import running_identity_provider
from signer.oidc.login import LoginFlow
from signer.oidc.provider import Metadata, Provider
from signer.oidc.seal import Seal, new_key
from tests.oidc.browsing import REDIRECT_URI, Browser, query_of
from tests.oidc.fake_provider import FakeProvider, nobody_home
from tests.oidc.token_maker import CLIENT_ID

HOME = "https://media.example.com/"
POOL = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1B2c3D4e"


def flow_for(provider: Provider, logout_endpoint: str | None = None) -> LoginFlow:
    return LoginFlow(
        provider,
        client_id=CLIENT_ID,
        redirect_uri=REDIRECT_URI,
        seal=Seal([new_key()]),
        logout_endpoint=logout_endpoint,
    )


class Pool(Provider):
    """A user pool whose discovery document is known, since Amazon is not on loopback."""

    def _fetch(self) -> Metadata:
        page = "https://auth.example.com/logout"
        return Metadata(f"{self.issuer}/.well-known/jwks.json", end_session_endpoint=page)


def test_a_real_provider_logs_the_person_out_and_sends_them_back() -> None:
    with running_identity_provider() as idp:
        client = idp.register(REDIRECT_URI)
        flow = LoginFlow(
            Provider(idp.issuer_url),
            client_id=client.client_id,
            client_secret=lambda: client.secret,
            redirect_uri=REDIRECT_URI,
            seal=Seal([new_key()]),
        )
        someone = Browser(flow).log_in("ada")
        url = flow.logout_url(return_to_url=HOME, id_token_hint=someone.id_token)
        assert url is not None
        with httpx.Client(trust_env=False) as http:
            page = http.get(url)
        assert page.status_code == 200
        assert HOME in page.text


def test_it_names_us_and_where_to_come_back(provider: Provider, remote: FakeProvider) -> None:
    url = flow_for(provider).logout_url(return_to_url=HOME)
    assert url is not None
    assert url.startswith(f"{remote.url}/logout?")
    assert query_of(url) == {"client_id": CLIENT_ID, "post_logout_redirect_uri": HOME}


def test_the_hint_goes_along_if_it_was_kept(provider: Provider) -> None:
    url = flow_for(provider).logout_url(return_to_url=HOME, id_token_hint="a.b.c")
    assert url is not None
    assert query_of(url)["id_token_hint"] == "a.b.c"


def test_a_query_of_the_endpoint_stays(provider: Provider, remote: FakeProvider) -> None:
    remote.discover(end_session_endpoint=f"{remote.url}/logout?tenant=a")
    url = flow_for(provider).logout_url(return_to_url=HOME)
    assert url is not None
    assert query_of(url)["tenant"] == "a"
    assert url.count("?") == 1


def test_cognito_has_a_form_of_its_own() -> None:
    for issuer in (POOL, POOL.replace("//", "//issuer-"), POOL.replace(".com", ".com.cn")):
        url = flow_for(Pool(issuer)).logout_url(return_to_url=HOME, id_token_hint="a.b.c")
        assert url is not None
        assert url.startswith("https://auth.example.com/logout?")
        assert query_of(url) == {"client_id": CLIENT_ID, "logout_uri": HOME}


def test_cognitos_form_is_for_cognito_only() -> None:
    for issuer in (
        "https://cognito-idp.eu-west-1.amazonaws.com.evil.example/pool",
        "https://evil.example/cognito-idp.eu-west-1.amazonaws.com/pool",
    ):
        url = flow_for(Pool(issuer)).logout_url(return_to_url=HOME)
        assert url is not None
        assert "post_logout_redirect_uri" in query_of(url)


def test_an_endpoint_that_is_configured_needs_no_discovery() -> None:
    with nobody_home() as url:
        flow = flow_for(Provider(url), "https://auth.example.com/logout")
        found = flow.logout_url(return_to_url=HOME)
    assert found is not None
    assert query_of(found) == {"client_id": CLIENT_ID, "logout_uri": HOME}


def test_a_provider_without_such_a_page_has_none(provider: Provider, remote: FakeProvider) -> None:
    remote.discover(end_session_endpoint=None)
    assert flow_for(provider).logout_url(return_to_url=HOME) is None


def test_a_provider_that_is_down_does_not_keep_anybody_logged_in() -> None:
    with nobody_home() as url:
        assert flow_for(Provider(url)).logout_url(return_to_url=HOME) is None
