"""The demo's whole story, told by an HTTP client: what ``signer dev --check`` runs."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import httpx

from signer.dev.content import Gallery, MediaObject
from signer.dev.demo import Demo

FORBIDDEN = 403


class StoryError(Exception):
    """A step of the story did not go as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one step went."""

    title: str
    passed: bool
    detail: str
    seconds: float


def tell(demo: Demo, gallery: Gallery, report: Callable[[Step], None]) -> bool:
    """Run every step, report each, and return whether all of them passed."""
    with _Story(demo, gallery) as story:
        passed = True
        for title, step in story.steps():
            started = time.monotonic()
            try:
                detail, good = step(), True
            except (StoryError, httpx.HTTPError, KeyError, ValueError) as error:
                detail, good = str(error) or type(error).__name__, False
            passed = passed and good
            seconds = time.monotonic() - started
            report(Step(title=title, passed=good, detail=detail, seconds=seconds))
        return passed


class _Story:
    """Three viewers: ada with all cookies, a guest, and a stranger without any."""

    def __init__(self, demo: Demo, gallery: Gallery) -> None:
        self.demo = demo
        self.pictures = gallery.pictures()
        self.film = gallery.film()
        self.ada, self.guest, self.stranger = (self._viewer() for _ in range(3))
        self.shared = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in (self.ada, self.guest, self.stranger):
            client.close()

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the steps in order, each with its title."""
        steps: list[tuple[str, Callable[[], str]]] = [
            ("the page is public", self.page),
            ("a picture is refused", self.picture_refused),
            ("the film's playlist and parts are refused", self.film_refused),
            ("a wrong password logs nobody in", self.wrong_password),
            ("a log-in from another site is refused", self.foreign_site),
            ("ada logs in and receives signed cookies", self.log_in),
            ("every picture is served, to the byte", self.pictures_served),
            ("the film is served, to the byte", self.film_served),
            ("HEAD and Range work", self.head_and_range),
            ("a changed cookie is refused", self.changed_cookie),
            ("the gallery's cookies do not open the film", self.wrong_folder),
            ("a guest sees the gallery and not the film", self.guest_view),
            ("a shared picture opens without cookies", self.share),
            ("the shared URL opens nothing else", self.changed_url),
            ("after log-out everything is refused again", self.log_out),
            ("the inspector lists the decisions", self.inspector),
        ]
        if self.demo.bucket_url:
            steps.insert(3, ("the bucket refuses everyone but the edge", self.bucket_refuses))
        return steps

    def page(self) -> str:
        response = self._get(self.stranger, "/")
        _expect(response, 200)
        _require("<title>" in response.text, "the page has no title")
        return self.demo.site_url

    def picture_refused(self) -> str:
        return self._refused(self.stranger, _path(self.pictures[0]), "MissingKey")

    def film_refused(self) -> str:
        for item in self.film:
            self._refused(self.stranger, _path(item), "MissingKey")
        return f"{len(self.film)} files, 403 MissingKey each"

    def bucket_refuses(self) -> str:
        bucket = self.demo.bucket_url or ""
        for url in (bucket, bucket + _path(self.pictures[0]), bucket + _path(self.film[0])):
            _expect(self.stranger.get(url), FORBIDDEN)
        return f"403 at {bucket}"

    def wrong_password(self) -> str:
        response = self._post(self.stranger, "/login", user="ada", password="byron")  # noqa: S106 - wrong on purpose
        _expect(response, 401)
        _require("set-cookie" not in response.headers, "a refused log-in set cookies")
        return "401, no cookies"

    def foreign_site(self) -> str:
        name, password = self.demo.accounts[0]
        form = {"user": name, "password": password}
        origin = {"Origin": "https://evil.example"}
        _expect(self.stranger.post("/login", json=form, headers=origin), FORBIDDEN)
        return "403"

    def log_in(self) -> str:
        name, password = self.demo.accounts[0]
        _expect(self._post(self.ada, "/login", user=name, password=password), 200)
        names = [cookie.name for cookie in self.ada.cookies.jar]
        signed = [name for name in names if name.startswith("CloudFront-")]
        _require(names.count("CloudFront-Signature") == 2, f"got the cookies {names}")  # noqa: PLR2004 - two folders
        return f"{len(signed)} cookies for two folders"

    def pictures_served(self) -> str:
        for item in self.pictures:
            self._served(self.ada, _path(item), item)
        return f"{len(self.pictures)} pictures"

    def film_served(self) -> str:
        """Walk the film as a player does: master playlist, media playlist, every part in it."""
        by_path = {_path(item): item for item in self.film}
        waiting, seen = [_path(self.film[0])], set[str]()
        while waiting:
            path = waiting.pop()
            seen.add(path)
            body = self._served(self.ada, path, by_path[path])
            if path.endswith(".m3u8"):
                waiting += [urljoin(path, name) for name in _references(body.decode())]
        _require(seen == set(by_path), f"the playlists lead to {len(seen)} of {len(by_path)} files")
        return f"{len(seen)} files"

    def head_and_range(self) -> str:
        item = self.pictures[0]
        body = item.file.read_bytes()
        head = self.ada.head(_path(item))
        _expect(head, 200)
        _require(head.headers["content-length"] == str(len(body)), "HEAD tells another length")
        part = self.ada.get(_path(item), headers={"Range": "bytes=100-199"})
        _expect(part, 206)
        _require(part.content == body[100:200], "Range returned other bytes")
        return part.headers["content-range"]

    def changed_cookie(self) -> str:
        cookies = self._cookies("/gallery/")
        codes = [
            self._refused_with(cookies | {name: _changed(cookies[name])}, _path(self.pictures[0]))
            for name in ("CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id")
        ]
        return ", ".join(codes)

    def wrong_folder(self) -> str:
        return self._refused_with(self._cookies("/gallery/"), _path(self.film[0]))

    def guest_view(self) -> str:
        name, password = self.demo.accounts[1]
        _expect(self._post(self.guest, "/login", user=name, password=password), 200)
        self._served(self.guest, _path(self.pictures[0]), self.pictures[0])
        return self._refused(self.guest, _path(self.film[0]), "MissingKey")

    def share(self) -> str:
        item = self._named_oddly()
        _expect(self._post(self.stranger, "/api/share", key=item.key), 401)
        _expect(self._post(self.ada, "/api/share", key=self.film[0].key), 404)
        response = self._post(self.ada, "/api/share", key=item.key)
        _expect(response, 200)
        self.shared = response.json()["url"]
        self._served(self.stranger, self.shared, item)
        return f"{item.key}, {len(self.shared)} characters"

    def changed_url(self) -> str:
        path, _, query = self.shared.removeprefix(self.demo.site_url).partition("?")
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        signature, expires = fields["Signature"], fields["Expires"]
        self._refused(self.stranger, f"{_path(self.pictures[0])}?{query}")
        self._refused(self.stranger, f"{_path(self.film[0])}?{query}")
        self._refused(self.stranger, f"{path}?{query.replace(signature, _changed(signature))}")
        self._refused(self.stranger, f"{path}?{query.replace(expires, str(int(expires) + 1))}")
        return "another picture, the film, a changed signature, a later end: 403 each"

    def log_out(self) -> str:
        _expect(self._post(self.ada, "/logout"), 204)
        left = [cookie.name for cookie in self.ada.cookies.jar]
        _require(not left, f"cookies are left: {left}")
        self._refused(self.ada, _path(self.pictures[0]), "MissingKey")
        return self._refused(self.ada, _path(self.film[0]), "MissingKey")

    def inspector(self) -> str:
        _expect(self.stranger.get(self.demo.inspector_url), 200)
        answer = self.stranger.get(f"{self.demo.inspector_url}/requests")
        _expect(answer, 200)
        decisions = [request["decision"] for request in answer.json() if request["decision"]]
        allowed = sum(decision["allowed"] for decision in decisions)
        refused = len(decisions) - allowed
        _require(allowed > 0 and refused > 0, f"it lists {allowed} allowed and {refused} refused")
        return f"{allowed} allowed, {refused} refused, at {self.demo.inspector_url}"

    def _viewer(self) -> httpx.Client:
        return httpx.Client(base_url=self.demo.site_url, timeout=20, trust_env=False)

    def _get(self, client: httpx.Client, path: str) -> httpx.Response:
        return client.get(path)

    def _post(self, client: httpx.Client, path: str, **form: str) -> httpx.Response:
        return client.post(path, json=form, headers={"Origin": self.demo.site_url})

    def _served(self, client: httpx.Client, path: str, item: MediaObject) -> bytes:
        response = client.get(path)
        _expect(response, 200)
        _require(response.content == item.file.read_bytes(), f"{item.key} came with other bytes")
        kind = response.headers["content-type"]
        _require(kind == item.content_type, f"{item.key} came as {kind}")
        return response.content

    def _refused(self, client: httpx.Client, path: str, code: str | None = None) -> str:
        return _refusal(client.get(path), code)

    def _refused_with(self, cookies: dict[str, str], path: str) -> str:
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return _refusal(self.stranger.get(path, headers={"Cookie": header}))

    def _cookies(self, path: str) -> dict[str, str]:
        jar = self.ada.cookies.jar
        return {cookie.name: cookie.value or "" for cookie in jar if cookie.path == path}

    def _named_oddly(self) -> MediaObject:
        """Return the picture whose name needs the most encoding."""
        return max(self.pictures, key=lambda item: len(quote(item.key)) - len(item.key))


def _path(item: MediaObject) -> str:
    return "/" + quote(item.key)


def _references(playlist: str) -> list[str]:
    lines = playlist.splitlines()
    maps = [line.split('URI="')[1].split('"')[0] for line in lines if line.startswith("#EXT-X-MAP")]
    return maps + [line for line in lines if line and not line.startswith("#")]


def _changed(value: str) -> str:
    """Change a character in the middle, where no base64 padding can hide it."""
    middle = len(value) // 2
    return value[:middle] + ("B" if value[middle] == "A" else "A") + value[middle + 1 :]


def _refusal(response: httpx.Response, code: str | None = None) -> str:
    _expect(response, FORBIDDEN)
    # The document is our own edge's, a few lines long.
    found = ET.fromstring(response.text).findtext("Code") or ""  # noqa: S314 - as said above
    _require(code is None or found == code, f"refused as {found} and not as {code}")
    return f"{FORBIDDEN} {found}"


def _expect(response: httpx.Response, status: int) -> None:
    path = urlsplit(str(response.url)).path
    found = response.status_code
    _require(found == status, f"{response.request.method} {path}: {found}, expected {status}")


def _require(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - the condition is the subject
    if not condition:
        raise StoryError(otherwise)
