"""A viewer of the story: an HTTP client that behaves like a browser where it matters."""

from __future__ import annotations

import hashlib
import json
import re
import xml.etree.ElementTree as ET
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, Self
from urllib.parse import quote, urlsplit

import httpx

from signer.dev.content import MediaObject
from signer.dev.story.telling import StoryError

FORBIDDEN: Final = 403
_SEE_OTHER: Final = (302, 303)


class Viewer:
    """Keeps cookies, follows redirects, and logs in at the identity provider."""

    def __init__(self, site_url: str) -> None:
        """Open a client without any cookies."""
        self.site_url = site_url
        # As browsers do, localhost counts as secure. A client's own jar would not keep to that.
        self.jar: CookieJar = CookieJar(DefaultCookiePolicy(secure_protocols=("https", "http")))
        kept = httpx.Cookies()
        kept.jar = self.jar
        self.client: httpx.Client = httpx.Client(
            base_url=site_url,
            timeout=20,
            trust_env=False,
            event_hooks={"request": [kept.set_cookie_header], "response": [kept.extract_cookies]},
        )

    def __enter__(self) -> Self:
        """Return the viewer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the client."""
        self.client.close()

    def get(self, url: str, **headers: str) -> httpx.Response:
        """Send a GET."""
        return self.client.get(url, headers=headers)

    def post(self, path: str, content: object = None, **changed: str) -> httpx.Response:
        """Send a POST as the browser helper does: JSON, its hash, and the header against CSRF."""
        body = json.dumps({} if content is None else content).encode()
        headers = {
            "Content-Type": "application/json",
            "Origin": self.site_url,
            "X-Issuer-Request": "1",
            "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        }
        sent = {name: value for name, value in (headers | changed).items() if value}
        return self.client.post(path, content=body, headers=sent)

    def to_provider(self, return_to: str = "/") -> str:
        """Begin a log-in and return the address at the identity provider."""
        answer = self.get(f"/auth/login?return_to={quote(return_to)}")
        require(answer.status_code in _SEE_OTHER, f"log-in answers {answer.status_code}")
        return answer.headers["location"]

    def chosen(self, location: str, account: str) -> str:
        """Choose an account at the identity provider and return where it sends the browser."""
        page = self.client.get(location)
        expect(page, 200)
        require(f'value="{account}"' in page.text, f"the provider does not offer {account}")
        answer = self.client.post(location, data={"sub": account})
        require(answer.status_code in _SEE_OTHER, f"the provider answers {answer.status_code}")
        callback = answer.headers["location"]
        require(
            callback.startswith(f"{self.site_url}/auth/callback?"),
            "the provider sends the browser elsewhere",
        )
        return callback

    def log_in(self, account: str, return_to: str = "/") -> httpx.Response:
        """Walk through log-in; returns the answer that ended it, a redirect into the site."""
        answer = self.get(self.chosen(self.to_provider(return_to), account))
        require(answer.status_code in _SEE_OTHER, f"the callback answers {answer.status_code}")
        require(answer.headers["location"] == return_to, "log-in ends somewhere else")
        return answer

    def cookies(self, path: str) -> dict[str, str]:
        """Return the cookies that are kept for exactly one path."""
        return {cookie.name: cookie.value or "" for cookie in self.jar if cookie.path == path}

    def names(self) -> list[str]:
        """Return the names of all cookies that are kept, of the site's."""
        host = urlsplit(self.site_url).hostname or ""
        return [cookie.name for cookie in self.jar if cookie.domain.startswith(host)]

    def served(self, path: str, item: MediaObject) -> bytes:
        """Require an object to be served, to the byte."""
        response = self.get(path)
        expect(response, 200)
        require(response.content == item.file.read_bytes(), f"{item.key} came with other bytes")
        kind = response.headers["content-type"]
        require(kind == item.content_type, f"{item.key} came as {kind}")
        return response.content

    def refused(self, path: str, code: str | None = None) -> str:
        """Require the edge to refuse a path, with one of CloudFront's codes."""
        return refusal(self.get(path), code)


def path_of(item: MediaObject) -> str:
    """Return an object's path on the site."""
    return "/" + quote(item.key)


def changed(value: str) -> str:
    """Change a character in the middle, where no base64 padding can hide it."""
    middle = len(value) // 2
    return value[:middle] + ("B" if value[middle] == "A" else "A") + value[middle + 1 :]


def refusal(response: httpx.Response, code: str | None = None) -> str:
    """Require an answer to be CloudFront's 403."""
    expect(response, FORBIDDEN)
    # The document is our own edge's, a few lines long.
    found = ET.fromstring(response.text).findtext("Code") or ""  # noqa: S314 - as said above
    require(code is None or found == code, f"refused as {found} and not as {code}")
    return f"{FORBIDDEN} {found}"


def problem(response: httpx.Response, status: int, code: str) -> str:
    """Require an answer to be one of the issuer's problems."""
    expect(response, status)
    found = response.json()["code"]
    require(found == code, f"refused as {found} and not as {code}")
    return f"{status} {found}"


def references(playlist: str) -> list[str]:
    """Return what an HLS playlist leads to."""
    maps = re.findall(r'#EXT-X-MAP:.*URI="([^"]+)"', playlist)
    return maps + [line for line in playlist.splitlines() if line and not line.startswith("#")]


def expect(response: httpx.Response, status: int) -> None:
    """Require a status."""
    path = urlsplit(str(response.url)).path
    found = response.status_code
    require(found == status, f"{response.request.method} {path}: {found}, expected {status}")


def require(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - the condition is the subject
    """Require something.

    Raises:
        StoryError: It is not so.
    """
    if not condition:
        raise StoryError(otherwise)
