"""A person with a browser, in front of the demo's identity provider."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import httpx

from signer.oidc.login import Begun, LoggedIn, LoginFlow

REDIRECT_URI = "https://media.example.com/auth/callback"


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@dataclass
class Browser:
    """Keeps the log-in cookie as a browser would."""

    flow: LoginFlow
    cookie: str | None = None

    def begin(self, return_to: str = "/") -> Begun:
        begun = self.flow.begin(return_to, cookie=self.cookie)
        self.cookie = begun.cookie
        return begun

    def finish(self, query: dict[str, str]) -> LoggedIn:
        """Come back to the callback; the cookie changes whatever comes of it."""
        cookie = self.cookie
        self.cookie = self.flow.remaining(query, cookie)
        return self.flow.finish(query, cookie)

    def log_in(self, account: str = "ada", return_to: str = "/") -> LoggedIn:
        return self.finish(choose(self.begin(return_to), account))


def choose(begun: Begun, account: str) -> dict[str, str]:
    """Open the provider's page, press a button, and return the callback's query."""
    with httpx.Client(trust_env=False) as client:
        form = client.get(begun.location)
        assert form.status_code == 200
        assert account in form.text
        answer = client.post(begun.location, data={"sub": account})
    assert answer.status_code == 302
    location = answer.headers["Location"]
    assert location.startswith(f"{REDIRECT_URI}?")
    return query_of(location)
