"""Requests that lambda/issue.py answers when it is warm, beside the signature in each of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from benchmarks.contenders import KEY_PAIR_ID, KINDS, bare
from benchmarks.stopwatch import Contender, Rates, interleaved
from signer import Issuer, Policy, PrivateKey
from signer.credential import Credential
from tests.lambda_asset import event_of, issue_module, set_cookies_of
from tests.loopback_identity import AUDIENCE, IdentityProvider, identity_provider

BASE_URL = "https://media.example.com"
GRANTS = """
version = 1
[[grants]]
name = "docs"
path = "/t/{tenant}/docs/*"
ttl = "15m"
"""
HEADERS = {
    "x-issuer-request": "1",
    "origin": BASE_URL,
    "sec-fetch-site": "same-origin",
    "content-type": "application/json",
}
_REQUESTS = 64
_LIFE = timedelta(minutes=15)

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def settings(provider: IdentityProvider, credential: str, grants: str) -> dict[str, str]:
    """Return the function's variables.

    Args:
        provider: Whose tokens it accepts.
        credential: Where its credential is.
        grants: Where its grants are.
    """
    return {
        "SIGNER_BASE_URL": BASE_URL,
        "SIGNER_CREDENTIAL": credential,
        "SIGNER_GRANTS": grants,
        "SIGNER_OIDC_ISSUER": provider.url,
        "SIGNER_TOKEN_AUDIENCE": AUDIENCE,
    }


def request(provider: IdentityProvider, tenant: str) -> dict[str, Any]:
    """Return the event of a refresh with a bearer token."""
    sent = {**HEADERS, "x-issuer-token": provider.token(tenant=tenant)}
    return event_of("function_url", "POST", "/auth/cookies", headers=sent, body="{}")


class Serving:
    """The handler for each kind of key, called in this process."""

    def __init__(self, folder: Path, provider: IdentityProvider, nowhere: IO[str]) -> None:
        """Make keys and handlers, and check what they answer."""
        build = issue_module().build
        self._nowhere = nowhere
        grants = folder / "grants.toml"
        grants.write_text(GRANTS, encoding="utf-8")
        tenants = [f"tenant-{number}" for number in range(_REQUESTS)]
        events = [request(provider, tenant) for tenant in tenants]
        self._contenders: dict[str, list[Contender]] = {}
        for kind, algorithm in KINDS.items():
            key = PrivateKey.generate(algorithm)
            file = folder / f"{kind}.json"
            file.touch(mode=0o600)
            credential = Credential(kid=kind, key_pair_id=KEY_PAIR_ID, private_key=key)
            file.write_text(credential.to_json(), encoding="utf-8")
            handler = build(settings(provider, f"file:{file}", f"file:{grants}"))
            self._contenders[kind] = [
                Contender(f"{kind}.serving.{name}", call, inputs)
                for name, call, inputs in _measured(key, handler, tenants, events)
            ]

    def rates(self, kind: str, seconds: float) -> Rates:
        """Measure on one core; what the handler logs is written, and thrown away."""
        with contextlib.redirect_stdout(self._nowhere):
            return interleaved(self._contenders[kind], seconds)


def _measured(
    key: PrivateKey, handler: Handler, tenants: list[str], events: list[dict[str, Any]]
) -> Iterator[tuple[str, Callable[[Any], object], list[Any]]]:
    issuer = Issuer(key, key_pair_id=KEY_PAIR_ID)
    raw = load_pem_private_key(key.to_pem().encode(), password=None)
    resources = [f"{BASE_URL}/t/{tenant}/docs/*" for tenant in tenants]
    expires = datetime.now(UTC) + _LIFE
    messages = [Policy(each, date_less_than=expires).to_json().encode() for each in resources]
    yield "bare_sign", bare(raw, SHA256())[0], messages  # type: ignore[arg-type]

    def signed_cookies(resource: str) -> list[str]:
        return issuer.signed_cookies(resource, expires_in=_LIFE).set_cookie_headers()

    yield "signed_cookies", signed_cookies, resources

    def served(event: dict[str, Any]) -> dict[str, Any]:
        return handler(event, _Context)

    for event in events:
        answer = served(event)
        assert answer["statusCode"] == 200, answer  # noqa: PLR2004 - HTTP
        assert len(set_cookies_of("function_url", answer)) >= 3, answer  # noqa: PLR2004 - a set
    yield "handler", served, events


class _Context:
    """What Lambda tells about an invocation, as far as a logger asks."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"
    function_name = "issuer"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:issuer"
    memory_limit_in_mb = "256"


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Serving]:
    """Prepare everything in a folder."""
    folder.mkdir()
    with identity_provider() as provider, Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        # A logger keeps the standard output of the moment in which it is made.
        with contextlib.redirect_stdout(nowhere):
            made = Serving(folder, provider, nowhere)
        yield made
