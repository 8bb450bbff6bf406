"""Discovery: believed only from the configured issuer, and a typed error for everything else."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from signer.errors import ConfigurationError, RemoteError
from signer.oidc.provider import Provider, _metadata
from tests.oidc.fake_provider import (
    DISCOVERY,
    Clock,
    FakeProvider,
    Page,
    hang_up,
    page,
    trickle,
)


def cause_of(provider: Provider) -> str:
    """The reason inside the error."""
    with pytest.raises(RemoteError) as caught:
        _ = provider.metadata
    assert caught.value.code == "provider_unavailable"
    return str(caught.value.evidence["cause"])


def test_what_the_document_says_is_used(provider: Provider, remote: FakeProvider) -> None:
    assert provider.authorization_endpoint == f"{remote.url}/authorize"
    assert provider.token_endpoint == f"{remote.url}/token"
    assert provider.jwks_uri == f"{remote.url}/keys"
    assert provider.end_session_endpoint == f"{remote.url}/logout"
    assert provider.userinfo_endpoint == f"{remote.url}/userinfo"
    assert remote.asked == [DISCOVERY]


def test_nothing_is_asked_before_it_is_needed(remote: FakeProvider) -> None:
    assert repr(Provider(remote.url)) == f"Provider({remote.url!r})"
    assert remote.asked == []


def test_an_issuer_with_a_path_is_asked_below_it(remote: FakeProvider) -> None:
    """Auth0 writes its issuer with a slash, Keycloak and Cognito with a path."""
    for issuer in (f"{remote.url}/", f"{remote.url}/realms/a", f"{remote.url}/tenants/b/"):
        path = issuer.removeprefix(remote.url).rstrip("/") + DISCOVERY
        remote.pages[path] = page(remote.document(issuer=issuer))
        assert Provider(issuer).jwks_uri == f"{remote.url}/keys"


@pytest.mark.parametrize(
    "change",
    [
        lambda url: f"{url}/",
        lambda url: url.upper(),
        lambda url: [url],
        lambda _: "https://attacker.example",
        lambda _: 7,
        lambda _: None,
        lambda _: "",
    ],
)
def test_a_document_of_another_issuer_is_not_believed(
    provider: Provider, remote: FakeProvider, change: object
) -> None:
    assert callable(change)
    remote.discover(issuer=change(remote.url))
    assert cause_of(provider) == "provider_issuer"


@pytest.mark.parametrize(
    ("cause", "answer"),
    [
        ("provider_status", page({}, status=500)),
        ("provider_status", page({}, status=404)),
        ("provider_status", page({}, status=302)),
        ("provider_document", page(b"")),
        ("provider_document", page(b"<html>Log in to the network</html>")),
        ("provider_document", page([])),
        ("provider_document", page(b"\xff\xfe{}")),
        ("provider_document", page(b"[" * 100_000)),
        ("provider_document", page(b'{"issuer":"a","issuer":"b"}')),
        ("provider_issuer", page({})),
        ("remote_too_large", page(b" " * 200_000)),
        ("remote_unreachable", hang_up),
        ("remote_unreachable", lambda server: server.wfile.write(b"\0\1\2\r\n\r\n")),
    ],
)
def test_garbage_is_a_typed_error(
    provider: Provider, remote: FakeProvider, cause: str, answer: Page
) -> None:
    remote.pages[DISCOVERY] = answer
    assert cause_of(provider) == cause


def test_a_server_that_trickles_is_given_up(provider: Provider, remote: FakeProvider) -> None:
    remote.pages[DISCOVERY] = trickle
    began = time.monotonic()
    assert cause_of(provider) == "remote_timeout"
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    "address",
    [
        "http://keys.example.com/",
        "https://user:secret@example.com/",
        "https://example.com/#a",
        "ftp://example.com/",
        "file:///etc/passwd",
        "//example.com/keys",
        "/keys",
        "https://",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "",
        7,
        ["https://example.com/"],
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["jwks_uri", "token_endpoint", "userinfo_endpoint"])
def test_an_endpoint_that_may_not_be_asked_is_refused(
    provider: Provider, remote: FakeProvider, name: str, address: object
) -> None:
    remote.discover(**{name: address})
    assert cause_of(provider) == "provider_document"


@pytest.mark.parametrize("name", ["jwks_uri", "token_endpoint", "userinfo_endpoint"])
@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9001/", "http://localhost/", "http://[::1]/"]
)
def test_a_provider_out_there_sends_nobody_to_this_machine(name: str, address: str) -> None:
    issuer = "https://login.example.com"
    document = {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}
    assert _metadata(json.dumps(document).encode(), issuer=issuer).jwks_uri == f"{issuer}/keys"
    with pytest.raises(RemoteError) as caught:
        _metadata(json.dumps(document | {name: address}).encode(), issuer=issuer)
    assert caught.value.code == "provider_document"
    assert caught.value.evidence["field"] == name


@pytest.mark.parametrize("host", ["a..b", ".example", f"{'a' * 64}.example"])
def test_a_host_that_is_no_name_is_a_typed_error(
    provider: Provider, remote: FakeProvider, host: str
) -> None:
    remote.discover(jwks_uri=f"https://{host}/keys")
    with pytest.raises(RemoteError) as caught:
        list(provider.keys.matching("RS256", None))
    assert caught.value.code == "keys_unavailable"


def test_what_is_missing_is_named(provider: Provider, remote: FakeProvider) -> None:
    """A Cognito user pool without a domain can verify tokens, and not log anybody in."""
    remote.discover(authorization_endpoint=None, token_endpoint=None, end_session_endpoint=None)
    assert provider.jwks_uri
    assert provider.end_session_endpoint is None
    for name in ("authorization_endpoint", "token_endpoint"):
        with pytest.raises(RemoteError) as caught:
            getattr(provider, name)
        assert caught.value.code == "provider_document"
        assert caught.value.evidence["field"] == name


def test_no_keys_named_is_refused(provider: Provider, remote: FakeProvider) -> None:
    remote.discover(jwks_uri=None)
    assert cause_of(provider) == "provider_document"


def test_an_outage_serves_an_hour_longer(
    provider: Provider, remote: FakeProvider, clock: Clock
) -> None:
    began = clock.now
    assert provider.jwks_uri
    remote.pages[DISCOVERY] = hang_up
    clock.now = began + 7199
    assert provider.jwks_uri
    clock.now = began + 7200
    assert cause_of(provider) == "remote_unreachable"


def test_threads_share_one_fetch(provider: Provider, remote: FakeProvider) -> None:
    remote.pages[DISCOVERY] = page(remote.document(), after=0.2)
    with ThreadPoolExecutor(32) as pool:
        assert len(set(pool.map(lambda _: provider.jwks_uri, range(32)))) == 1
    assert remote.asked == [DISCOVERY]


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "example.com",
        "http://example.com",
        "https://",
        "https://example.com?tenant=a",
        "https://example.com?",
        "https://example.com/#a",
        "https://user@example.com/",
        "https://example.com/ ",
        "https://ex\u00e4mple.com",
        None,
        7,
    ],
    ids=ascii,
)
def test_an_issuer_that_cannot_be_asked_is_a_wrong_setting(issuer: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Provider(issuer)
    assert caught.value.code == "oidc_issuer"


def test_the_error_shows_little_of_what_a_server_wrote(
    provider: Provider, remote: FakeProvider
) -> None:
    remote.pages[DISCOVERY] = page(json.dumps({"issuer": "x" * 5000}).encode())
    with pytest.raises(RemoteError) as caught:
        _ = provider.metadata
    assert len(str(caught.value)) < 400
