"""The story of the site: cookies at log-in, a private film, a withdrawn right, a shared picture."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Self
from urllib.parse import parse_qs, quote, urljoin

from signer.dev.content import Gallery, MediaObject
from signer.dev.demo import Demo
from signer.dev.identity import IdentityProvider
from signer.dev.story.deployed import DeployedSteps
from signer.dev.story.rotation import RotationSteps
from signer.dev.story.viewer import (
    Viewer,
    changed,
    expect,
    path_of,
    problem,
    references,
    refusal,
    require,
)

_FOLDERS = ("/gallery/", "/film/")


class Story:
    """Three viewers: ada with all cookies, a guest, and a stranger without any."""

    def __init__(self, demo: Demo, gallery: Gallery) -> None:
        """Prepare viewers; nothing is sent yet."""
        self.demo = demo
        self.pictures: tuple[MediaObject, ...] = gallery.pictures()
        self.film: tuple[MediaObject, ...] = gallery.film()
        self.provider: IdentityProvider = IdentityProvider(demo.identity_url)
        self.ada: Viewer = Viewer(demo.site_url)
        self.guest: Viewer = Viewer(demo.site_url)
        self.stranger: Viewer = Viewer(demo.site_url)
        self.shared: str = ""
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Return the story."""
        for viewer in (self.ada, self.guest, self.stranger):
            self._open.enter_context(viewer)
        return self

    def __exit__(self, *_: object) -> None:
        """Close every client."""
        self._open.close()

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the steps in order, each with its title."""
        steps: list[tuple[str, Callable[[], str]]] = [
            ("the page is public", self.page),
            ("a picture is refused", self.picture_refused),
            ("the film's playlist and parts are refused", self.film_refused),
            ("a log-in does not lead to another site", self.open_redirect),
            ("a callback that nobody began is refused", self.forged_callback),
            ("ada logs in at the identity provider and comes back with cookies", self.log_in),
            ("every picture is served, to the byte", self.pictures_served),
            ("the film is served, to the byte", self.film_served),
            ("HEAD and Range work", self.head_and_range),
            ("a changed cookie is refused", self.changed_cookie),
            ("the gallery's cookies do not open the film", self.wrong_folder),
            ("a guest sees the gallery and not the film", self.guest_view),
            ("a refresh from another site is refused", self.foreign_site),
            ("a refresh renews session and cookies", self.refresh),
            ("a shared picture opens without cookies", self.share),
            ("the shared URL opens nothing else", self.changed_url),
            ("a right that is withdrawn is gone after the next refresh", self.withdrawn),
            ("after log-out everything is refused again", self.log_out),
            ("the inspector lists the decisions", self.inspector),
        ]
        if self.demo.bucket_url:
            steps.insert(3, ("the bucket refuses everyone but the edge", self.bucket_refuses))
        if self.demo.deployment is not None:
            deployed = DeployedSteps(self.demo.deployment)
            steps[:0] = deployed.first()
            steps += deployed.last()
        if self.demo.rotation is not None:
            watched = RotationSteps(self.demo.rotation, self.ada, self.pictures[0])
            # While ada is logged in and may see everything.
            at = next(n for n, (title, _) in enumerate(steps) if title.startswith("a right that"))
            steps[at:at] = watched.steps()
        return steps

    def page(self) -> str:
        """The page needs nothing."""
        response = self.stranger.get("/")
        expect(response, 200)
        require("<title>" in response.text, "the page has no title")
        return self.demo.site_url

    def picture_refused(self) -> str:
        """Without cookies there is no picture."""
        return self.stranger.refused(path_of(self.pictures[0]), "MissingKey")

    def film_refused(self) -> str:
        """Without cookies there is no film."""
        for item in self.film:
            self.stranger.refused(path_of(item), "MissingKey")
        return f"{len(self.film)} files, 403 MissingKey each"

    def bucket_refuses(self) -> str:
        """Around the edge there is nothing to be had."""
        bucket = self.demo.bucket_url or ""
        for url in (bucket, bucket + path_of(self.pictures[0]), bucket + path_of(self.film[0])):
            expect(self.stranger.get(url), 403)
        return f"403 at {bucket}"

    def open_redirect(self) -> str:
        """The way back is a path of this site."""
        targets = (
            "//evil.example",
            "https://evil.example/",
            "/\\evil.example",
            "/%09/evil.example",
        )
        for target in targets:
            answer = self.stranger.get(f"/auth/login?return_to={quote(target, safe='')}")
            problem(answer, 400, "return_to")
        return f"{len(targets)} spellings, 400 each"

    def forged_callback(self) -> str:
        """A code without this browser's own state is worth nothing."""
        victim = self.guest
        victim.to_provider()
        forged = self.stranger.chosen(self.stranger.to_provider(), "guest")
        detail = problem(victim.get(forged), 401, "login_state")
        require("__Host-signer-session" not in victim.names(), "it logged somebody in")
        return detail

    def log_in(self) -> str:
        """Redirect to the provider, choose, come back: a session, and cookies for two folders."""
        self.ada.log_in("ada", "/?from=login")
        names = self.ada.names()
        require(names.count("CloudFront-Signature") == len(_FOLDERS), f"got the cookies {names}")
        require("__Host-signer-session" in names, "there is no session")
        session = self.ada.get("/auth/session").json()
        require(session["subject"] == "ada", "the session is somebody else's")
        return f"cookies for {' and '.join(_FOLDERS)}"

    def pictures_served(self) -> str:
        """The first folder."""
        for item in self.pictures:
            self.ada.served(path_of(item), item)
        return f"{len(self.pictures)} pictures"

    def film_served(self) -> str:
        """Walk the film as a player does: master playlist, media playlist, every part in it."""
        by_path = {path_of(item): item for item in self.film}
        waiting, seen = [path_of(self.film[0])], set[str]()
        while waiting:
            path = waiting.pop()
            seen.add(path)
            body = self.ada.served(path, by_path[path])
            if path.endswith(".m3u8"):
                waiting += [urljoin(path, name) for name in references(body.decode())]
        require(seen == set(by_path), f"the playlists lead to {len(seen)} of {len(by_path)} files")
        return f"{len(seen)} files"

    def head_and_range(self) -> str:
        """What players ask for."""
        item = self.pictures[0]
        body = item.file.read_bytes()
        head = self.ada.client.head(path_of(item))
        expect(head, 200)
        require(head.headers["content-length"] == str(len(body)), "HEAD tells another length")
        part = self.ada.get(path_of(item), Range="bytes=100-199")
        expect(part, 206)
        require(part.content == body[100:200], "Range returned other bytes")
        return part.headers["content-range"]

    def changed_cookie(self) -> str:
        """One character is enough."""
        cookies = self.ada.cookies("/gallery/")
        codes = [
            self._refused_with(cookies | {name: changed(cookies[name])}, path_of(self.pictures[0]))
            for name in ("CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id")
        ]
        return ", ".join(codes)

    def wrong_folder(self) -> str:
        """Valid cookies, sent to where they were not made for."""
        return self._refused_with(self.ada.cookies("/gallery/"), path_of(self.film[0]))

    def guest_view(self) -> str:
        """Another account, other grants."""
        self.guest.log_in("guest")
        self.guest.served(path_of(self.pictures[0]), self.pictures[0])
        return self.guest.refused(path_of(self.film[0]), "MissingKey")

    def foreign_site(self) -> str:
        """A page of another site can make nobody's browser refresh or log out."""
        for path in ("/auth/cookies", "/auth/logout"):
            problem(self.ada.post(path, Origin="https://evil.example"), 403, "origin")
        without = self.ada.post("/auth/cookies", **{"X-Issuer-Request": ""})
        return problem(without, 403, "csrf_header")

    def refresh(self) -> str:
        """New cookies and a new session, without a word to the viewer."""
        before = self.ada.cookies("/film/"), self.ada.cookies("/")
        answer = self.ada.post("/auth/cookies")
        expect(answer, 200)
        require(answer.headers["cache-control"] == "no-store", "the answer could be stored")
        require(answer.json()["grants"] == ["gallery", "film"], "the grants have changed")
        after = self.ada.cookies("/film/"), self.ada.cookies("/")
        require(before[1] != after[1], "the session was not renewed")
        self.ada.served(path_of(self.film[0]), self.film[0])
        return f"for another {answer.json()['expires_in']} s"

    def share(self) -> str:
        """One picture by a signed URL; only of what one may see."""
        item = max(self.pictures, key=lambda item: len(quote(item.key)) - len(item.key))
        wanted = {"items": [{"grant": "share", "item": item.key.rpartition("/")[2]}]}
        problem(self.stranger.post("/auth/urls", wanted), 401, "login_required")
        outside = {"items": [{"grant": "share", "item": "../film/master.m3u8"}]}
        require(
            self.ada.post("/auth/urls", outside).status_code in {400, 403}, "it left its folder"
        )
        answer = self.ada.post("/auth/urls", wanted)
        expect(answer, 200)
        self.shared = answer.json()["urls"][0]["url"]
        self.stranger.served(self.shared, item)
        return f"{item.key}, {len(self.shared)} characters"

    def changed_url(self) -> str:
        """A signed URL is good for what was signed."""
        path, _, query = self.shared.removeprefix(self.demo.site_url).partition("?")
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        signature, expires = fields["Signature"], fields["Expires"]
        for url in (
            f"{path_of(self.pictures[0])}?{query}",
            f"{path_of(self.film[0])}?{query}",
            f"{path}?{query.replace(signature, changed(signature))}",
            f"{path}?{query.replace(expires, str(int(expires) + 1))}",
        ):
            self.stranger.refused(url)
        return "another picture, the film, a changed signature, a later end: 403 each"

    def withdrawn(self) -> str:
        """The identity provider decides at each refresh."""
        self.provider.set_groups("ada", "gallery")
        try:
            answer = self.ada.post("/auth/cookies")
            expect(answer, 200)
            require(answer.json()["grants"] == ["gallery"], "the film is still granted")
            require(not self.ada.cookies("/film/"), "cookies for the film are left")
            self.ada.served(path_of(self.pictures[0]), self.pictures[0])
            return self.ada.refused(path_of(self.film[0]), "MissingKey")
        finally:
            self.provider.set_groups("ada", "gallery", "cinema")

    def log_out(self) -> str:
        """Session and cookies go, and the provider has a page of its own."""
        answer = self.ada.post("/auth/logout")
        expect(answer, 200)
        require(self.demo.identity_url in answer.json()["logout_url"], "no page at the provider")
        left = self.ada.names()
        require(not left, f"cookies are left: {left}")
        problem(self.ada.post("/auth/cookies"), 401, "login_required")
        self.ada.refused(path_of(self.pictures[0]), "MissingKey")
        return self.ada.refused(path_of(self.film[0]), "MissingKey")

    def inspector(self) -> str:
        """Every decision can be looked at."""
        expect(self.stranger.get(self.demo.inspector_url), 200)
        answer = self.stranger.get(f"{self.demo.inspector_url}/requests")
        expect(answer, 200)
        decisions = [request["decision"] for request in answer.json() if request["decision"]]
        allowed = sum(decision["allowed"] for decision in decisions)
        refused = len(decisions) - allowed
        require(allowed > 0 and refused > 0, f"it lists {allowed} allowed and {refused} refused")
        return f"{allowed} allowed, {refused} refused, at {self.demo.inspector_url}"

    def _refused_with(self, cookies: dict[str, str], path: str) -> str:
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        with Viewer(self.demo.site_url) as nobody:
            return refusal(nobody.get(path, Cookie=header))
