"""A service with real parts, and a browser that walks through it and the identity provider."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from signer import PrivateKey, TrustedKeyGroup, Verifier, ViewerRequest
from signer.credential import Credential
from signer.custody import write_credential
from signer.dev.identity import IdentityProvider, running_identity_provider
from signer.oidc.seal import new_key
from signer.service import Reply, Request, Service, Settings

BASE = "https://media.example.com"
KEY_PAIR_ID = "K2JCJMDEHXQW5F"
GRANTS = """
version = 1
[[grants]]
name = "gallery"
path = "/gallery/*"
ttl = "15m"
when = { groups = ["gallery"] }
[[grants]]
name = "film"
path = "/film/*"
ttl = "10m"
when = { groups = ["cinema"] }
[[grants]]
name = "images"
path = "/gallery/*"
transport = "urls"
ttl = "5m"
when = { groups = ["gallery"] }
"""
PUBLIC = """
[[grants]]
name = "trailers"
path = "/trailers/*"
public = true
"""


class Clock:
    """A clock that a test moves; tokens are dated by the real one, so it begins there."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def environment(folder: Path, key: PrivateKey, **changed: str | None) -> dict[str, str]:
    """Return the variables of a service whose credential is a file."""
    file = folder / "credential.json"
    if not file.exists():
        write_credential(Credential(kid="k", key_pair_id=KEY_PAIR_ID, private_key=key), file)
    keys, grants = folder / "session-keys", folder / "grants.toml"
    if not keys.exists():
        keys.write_text(new_key() + "\n", encoding="utf-8")
        keys.chmod(0o600)
        grants.write_text(GRANTS, encoding="utf-8")
    given = {
        "SIGNER_BASE_URL": BASE,
        "SIGNER_CREDENTIAL": f"file:{file}",
        "SIGNER_GRANTS": f"file:{grants}",
        "SIGNER_SESSION_KEYS": f"file:{keys}",
        **changed,
    }
    return {name: value for name, value in given.items() if value is not None}


def logging_in(provider: IdentityProvider, folder: Path) -> dict[str, str]:
    """Register a client and return the variables that turn log-in on."""
    client = provider.register(f"{BASE}/auth/callback")
    secret = folder / f"client-secret-{client.client_id[:8]}"
    secret.write_text(client.secret, encoding="utf-8")
    secret.chmod(0o600)
    return {
        "SIGNER_OIDC_ISSUER": provider.issuer_url,
        "SIGNER_OIDC_CLIENT_ID": client.client_id,
        "SIGNER_OIDC_CLIENT_SECRET": f"file:{secret}",
        "SIGNER_OIDC_SCOPES": "openid profile",
    }


@contextmanager
def provider_running() -> Iterator[IdentityProvider]:
    with running_identity_provider() as provider:
        yield provider


@dataclass
class Browser:
    """Keeps cookies by name and path, and follows redirects between service and provider."""

    service: Service
    kept: dict[tuple[str, str], str] = field(default_factory=dict)

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: object = None,
    ) -> Reply:
        """Send one request; the cookies of the answer are kept as a browser would."""
        path, _, query = target.partition("?")
        body = b"" if content is None else json.dumps(content).encode()
        reply = self.service.handle(
            Request(
                method=method,
                path=path,
                query=query,
                headers={"content-type": "application/json", **(headers or {})},
                cookies=self.cookies_for(path),
                body=body,
            )
        )
        self.take(reply.cookies)
        return reply

    def post(self, target: str, content: object = None, **headers: str) -> Reply:
        """Send a POST as the browser helper does."""
        own = {"x-issuer-request": "1", "origin": BASE, "sec-fetch-site": "same-origin"}
        sent = own | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("POST", target, headers=sent, content={} if content is None else content)

    def take(self, lines: tuple[str, ...]) -> None:
        for line in lines:
            pair, *attributes = line.split("; ")
            known = dict(item.partition("=")[::2] for item in attributes)
            assert "Secure" in known
            assert "HttpOnly" in known
            name, _, value = pair.partition("=")
            if known.get("Max-Age") == "0":
                self.kept.pop((name, known["Path"]), None)
            else:
                self.kept[name, known["Path"]] = value

    def cookies_for(self, path: str) -> dict[str, str]:
        return {name: value for (name, where), value in self.kept.items() if path.startswith(where)}

    def to_provider(self, return_to: str | None = None) -> str:
        """Begin a log-in and return the provider's address."""
        query = "" if return_to is None else f"?return_to={return_to}"
        reply = self.send("GET", f"/auth/login{query}")
        assert reply.status == 303, reply.body
        return reply.headers["Location"]

    def at_provider(self, location: str, account: str) -> str:
        """Log in at the provider and return where it sends the browser."""
        answer = httpx.post(location, data={"sub": account}, trust_env=False)
        assert answer.status_code == 302, answer.text
        sent = urlsplit(answer.headers["location"])
        assert f"{sent.scheme}://{sent.netloc}" == BASE
        return f"{sent.path}?{sent.query}"

    def log_in(self, account: str = "ada", return_to: str | None = None) -> Reply:
        callback = self.at_provider(self.to_provider(return_to), account)
        return self.send("GET", callback)

    def opens(self, path: str, key: PrivateKey, *, now: float | None = None) -> bool:
        """Tell what CloudFront would say to a request of this browser."""
        verifier = Verifier([TrustedKeyGroup({KEY_PAIR_ID: key.public_key()})])
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies_for(path).items())
        return bool(verifier.verify(ViewerRequest(BASE + path, cookies=cookies), now=now))


def opens_url(url: str, key: PrivateKey, *, now: float | None = None) -> bool:
    verifier = Verifier([TrustedKeyGroup({KEY_PAIR_ID: key.public_key()})])
    return bool(verifier.verify(ViewerRequest(url), now=now))


def query_of(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def content_of(reply: Reply) -> dict[str, object]:
    found: dict[str, object] = json.loads(reply.body)
    return found


def service_of(variables: Mapping[str, str], clock: Clock) -> Service:
    return Service(Settings.from_environment(variables), clock=clock)
