"""What the tests of the deployed function share: its grants, its settings, a good request."""

from __future__ import annotations

from collections.abc import Iterable

from signer import TrustedKeyGroup, Verdict, Verifier, ViewerRequest
from signer.keys import PublicKey
from tests.loopback_identity import AUDIENCE, IdentityProvider

BASE_URL = "https://media.example.test"
KEY_PAIR_ID = "K2JCJMDEHXQW5F"
GRANTS = """
version = 1
[[grants]]
name = "docs"
path = "/t/{tenant}/docs/*"
ttl = "15m"
[[grants]]
name = "trailers"
path = "/trailers/*"
public = true
ttl = "15m"
"""


def settings(provider: IdentityProvider, **changed: str) -> dict[str, str]:
    """Return the function's variables."""
    return {
        "SIGNER_BASE_URL": BASE_URL,
        "SIGNER_CREDENTIAL": "secretsmanager:issuer",
        "SIGNER_GRANTS": "file:grants.toml",
        "SIGNER_OIDC_ISSUER": provider.url,
        "SIGNER_TOKEN_AUDIENCE": AUDIENCE,
        **changed,
    }


def headers(token: str = "") -> dict[str, str]:
    """Return what the browser helper sends."""
    return {
        **({"x-issuer-token": token} if token else {}),
        "x-issuer-request": "1",
        "origin": BASE_URL,
        "sec-fetch-site": "same-origin",
        "content-type": "application/json",
    }


def verdict_on(set_cookies: Iterable[str], path: str, key: PublicKey) -> Verdict:
    """Return what CloudFront would say to a request with the cookies that a browser keeps for it."""
    kept = {}
    for line in set_cookies:
        pair, *attributes = line.split("; ")
        known = dict(item.partition("=")[::2] for item in attributes)
        name, _, value = pair.partition("=")
        if path.startswith(known["Path"]) and known.get("Max-Age") != "0":
            kept[name] = value
    cookies = "; ".join(f"{name}={value}" for name, value in kept.items())
    verifier = Verifier([TrustedKeyGroup({KEY_PAIR_ID: key})])
    return verifier.verify(ViewerRequest(BASE_URL + path, cookies=cookies))
