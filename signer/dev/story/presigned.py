"""The story without CloudFront: presigned URLs of a private bucket, from the same issuer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit

import httpx

from signer.dev.content import Gallery, MediaObject
from signer.dev.demo import Demo
from signer.dev.identity import IdentityProvider
from signer.dev.story.viewer import Viewer, changed, expect, problem, require


class Story:
    """The guest, who may see the pictures, and a stranger."""

    def __init__(self, demo: Demo, gallery: Gallery) -> None:
        """Prepare viewers; nothing is sent yet."""
        self.demo = demo
        self.pictures: tuple[MediaObject, ...] = gallery.pictures()
        self.provider: IdentityProvider = IdentityProvider(demo.identity_url)
        self.guest: Viewer = Viewer(demo.site_url)
        self.stranger: Viewer = Viewer(demo.site_url)
        self.url: str = ""
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Return the story."""
        for viewer in (self.guest, self.stranger):
            self._open.enter_context(viewer)
        return self

    def __exit__(self, *_: object) -> None:
        """Close every client."""
        self._open.close()

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the steps in order, each with its title."""
        return [
            ("the page is public", self.page),
            ("the bucket refuses strangers", self.bucket_refuses),
            ("a stranger gets no URL", self.stranger_refused),
            ("the guest logs in at the identity provider", self.log_in),
            ("every picture has a presigned URL, and comes to the byte", self.served),
            ("the URL is refused when it is changed", self.changed_url),
            ("the URL is good for GET only", self.other_methods),
            ("a picture outside the grant has no URL", self.outside),
            ("a right that is withdrawn gives no more URLs", self.withdrawn),
            ("after log-out there are no URLs", self.log_out),
        ]

    def page(self) -> str:
        """The page needs nothing."""
        expect(self.stranger.get("/"), 200)
        return self.demo.site_url

    def bucket_refuses(self) -> str:
        """Without a signature there is nothing to be had."""
        for item in self.pictures:
            expect(self.stranger.get(f"{self.demo.bucket_url}/{quote(item.key)}"), 403)
        return f"403 at {self.demo.bucket_url}"

    def stranger_refused(self) -> str:
        """Nobody is logged in."""
        return problem(self._ask(self.stranger, self.pictures[0]), 401, "login_required")

    def log_in(self) -> str:
        """The same log-in as on the site; no cookies of CloudFront's come of it."""
        self.guest.log_in("guest")
        names = self.guest.names()
        require(names == ["__Host-signer-session"], f"got the cookies {names}")
        return "a session, and nothing else"

    def served(self) -> str:
        """One URL a picture, straight from the bucket."""
        for item in self.pictures:
            answer = self._ask(self.guest, item)
            expect(answer, 200)
            require(set(answer.json()) == {"url", "expires_at"}, "the answer has another form")
            self.url = answer.json()["url"]
            self.stranger.served(self.url, item)
        return f"{len(self.pictures)} pictures from {urlsplit(self.url).netloc}"

    def changed_url(self) -> str:
        """Everything in it is signed."""
        fields = {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}
        expires, signature = fields["X-Amz-Expires"], fields["X-Amz-Signature"]
        last, first = (quote(self.pictures[index].key) for index in (-1, 0))
        for url in (
            self.url.replace(signature, changed(signature)),
            self.url.replace(f"Expires={expires}", f"Expires={int(expires) + 1}"),
            self.url.replace(last, first),
        ):
            require(url != self.url, "nothing was changed")
            expect(self.stranger.get(url), 403)
        return "signature, life, object: 403 each"

    def other_methods(self) -> str:
        """The method is signed as well."""
        for method in ("PUT", "DELETE"):
            expect(self.stranger.client.request(method, self.url), 403)
        return "PUT and DELETE: 403"

    def outside(self) -> str:
        """No name leads out of the grant's folder."""
        for name in ("..%2Ffilm%2Fmaster.m3u8", "*", "%2e%2e"):
            answer = self.guest.get(f"/images/{name}/url")
            require(answer.status_code in {400, 403, 404}, f"{name}: {answer.status_code}")
        return "no URL for any"

    def withdrawn(self) -> str:
        """After a refresh the session knows what the identity provider says now."""
        self.provider.set_groups("guest")
        try:
            expect(self.guest.post("/auth/cookies"), 200)
            return problem(self._ask(self.guest, self.pictures[0]), 403, "grant_not_given")
        finally:
            self.provider.set_groups("guest", "gallery")

    def log_out(self) -> str:
        """The session goes."""
        expect(self.guest.post("/auth/logout"), 200)
        require(not self.guest.names(), "cookies are left")
        return problem(self._ask(self.guest, self.pictures[0]), 401, "login_required")

    def _ask(self, viewer: Viewer, item: MediaObject) -> httpx.Response:
        return viewer.get(f"/images/{quote(item.key.rpartition('/')[2], safe='')}/url")
