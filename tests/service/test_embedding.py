"""A page of one site embeds the pictures of another: what the issuer's cookies do in Chromium.

The page is at ``http://127.0.0.1``, what it embeds at ``http://localhost``: two sites, and the
second is trustworthy without TLS, so that browsers keep its ``Secure`` cookies. Behind it is the
local edge with the real function; its one grant is public, since logging in is not the point.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from playwright.sync_api import Browser, Frame, sync_playwright

from signer import PrivateKey, TrustedKeyGroup
from signer.dev.content import find_gallery
from signer.dev.ports import listen
from signer.edge import Behavior, Distribution, FolderOrigin, LambdaOrigin
from signer.edge.function_file import Handler
from tests.edge.serving import running
from tests.lambda_asset import issue_module
from tests.service.browsing import KEY_PAIR_ID, environment

pytestmark = pytest.mark.browser

# Chromium may block cookies in embedded pages altogether, as other browsers do by default: with
# the flag it does here, and lets pass only those that are partitioned by the embedding site.
BLOCKING = "--test-third-party-cookie-phaseout"
ARGUMENTS = ("--disable-gpu", "--disable-background-networking", "--no-first-run")

GRANTS = """
version = 1
[[grants]]
name = "gallery"
path = "/gallery/*"
public = true
"""
PICTURE = "/gallery/first-light.jpg"
WIDTH = 960

# It says what it got in any case: a page that fell over must not pass for a refused picture.
PLAYER = f"""<!doctype html>
<title>Player</title>
<link rel="icon" href="data:,">
<img alt="">
<script type="module">
import {{ refresh }} from "/auth/client.js";
const {{ grants }} = await refresh();
const picture = document.querySelector("img");
const settled = new Promise((done) => (picture.onload = picture.onerror = done));
picture.src = "{PICTURE}";
await settled;
document.documentElement.dataset.grants = grants.join();
</script>
"""


@dataclass(frozen=True)
class Site:
    """A site with private pictures, and the page of another site that embeds it."""

    url: str
    embedding_url: str


@dataclass(frozen=True)
class Seen:
    """What came of the player: the grants it was told of, the picture, and the cookies kept."""

    grants: str
    width: int
    reason: str | None
    cookies: list[dict[str, Any]]


@contextlib.contextmanager
def embedding_page(framed: str) -> Iterator[str]:
    """Serve one page that frames an address; yields its own."""

    class Page(BaseHTTPRequestHandler):
        body: ClassVar = f'<!doctype html><link rel="icon" href="data:,"><iframe src="{framed}">'

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(self.body.encode())

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def site(folder: Path, key: PrivateKey, **settings: str) -> Iterator[Site]:
    """Run a site whose function has these settings, and a page elsewhere that embeds it."""
    # The function is told its own address at start, so that the port has to be known before.
    sockets = listen(0)
    url = f"http://localhost:{sockets[0].getsockname()[1]}"
    variables = environment(folder, key, SIGNER_BASE_URL=url, SIGNER_SESSION_KEYS=None, **settings)
    (folder / "grants.toml").write_text(GRANTS, encoding="utf-8")
    public = folder / "public"
    public.mkdir()
    (public / "player.html").write_text(PLAYER, encoding="utf-8")
    handler: Handler = issue_module().build(variables)
    distribution = Distribution(
        origins={
            "public": FolderOrigin(public),
            "issuer": LambdaOrigin(handler),
            "private": FolderOrigin(find_gallery().media),
        },
        key_groups={"group": TrustedKeyGroup({KEY_PAIR_ID: key.public_key()})},
        behaviors=(
            Behavior(origin="public", path_pattern="/player.html"),
            Behavior(
                origin="issuer",
                path_pattern="/auth/*",
                allowed_methods="ALL",
                forward_cookies=True,
            ),
        ),
        default_behavior=Behavior(origin="private", trusted_key_groups=("group",)),
        domain_names=("localhost",),
        explain_header=True,
    )
    with (
        running(distribution, host="localhost", sockets=sockets),
        embedding_page(f"{url}/player.html") as embedding_url,
    ):
        yield Site(url, embedding_url)


@pytest.fixture(params=[False, True], ids=["cookies_allowed", "cookies_blocked"], scope="module")
def chromium(browser_path: Path, request: pytest.FixtureRequest) -> Iterator[Browser]:
    # Chromium's sandbox refuses to run as root, which is what CI is.
    as_root = sys.platform != "win32" and os.geteuid() == 0
    arguments = [
        *ARGUMENTS,
        *(["--no-sandbox"] if as_root else []),
        *([BLOCKING] if request.param else []),
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")


def visit(browser: Browser, url: str, player: str) -> Seen:
    """Open an address as somebody new, and say what its player saw, framed or not."""
    context = browser.new_context()
    try:
        page = context.new_page()
        answers: list[str | None] = []
        page.on(
            "response",
            lambda got: (
                answers.append(got.headers.get("x-edge-reason"))
                if got.url.endswith(PICTURE)
                else None
            ),
        )
        page.goto(url)
        frame = next(frame for frame in page.frames if frame.url == player)
        return seen_in(frame, answers)
    finally:
        context.close()


def seen_in(frame: Frame, answers: list[str | None]) -> Seen:
    frame.wait_for_selector("html[data-grants]")
    grants = frame.evaluate("document.documentElement.dataset.grants")
    width = frame.evaluate("document.images[0].naturalWidth")
    [reason] = answers
    kept: list[Any] = list(frame.page.context.cookies())
    return Seen(grants, width, reason, kept)


@pytest.fixture
def cross_site(tmp_path: Path, p256_key: PrivateKey) -> Iterator[Site]:
    with site(tmp_path, p256_key, SIGNER_CROSS_SITE_COOKIES="true") as running_site:
        yield running_site


@pytest.fixture
def usual(tmp_path: Path, p256_key: PrivateKey) -> Iterator[Site]:
    with site(tmp_path, p256_key) as running_site:
        yield running_site


def test_embedded_cookies_work_where_the_setting_asks_for_them(
    chromium: Browser, cross_site: Site
) -> None:
    seen = visit(chromium, cross_site.embedding_url, f"{cross_site.url}/player.html")
    assert (seen.grants, seen.width, seen.reason) == ("gallery", WIDTH, None)


def test_without_the_setting_they_are_not_kept(chromium: Browser, usual: Site) -> None:
    seen = visit(chromium, usual.embedding_url, f"{usual.url}/player.html")
    # The issuer answered; it is the browser that dropped what it set.
    assert (seen.grants, seen.width, seen.cookies) == ("gallery", 0, [])
    assert seen.reason


def test_on_the_own_site_both_work(chromium: Browser, usual: Site) -> None:
    seen = visit(chromium, f"{usual.url}/player.html", f"{usual.url}/player.html")
    assert (seen.width, seen.reason) == (WIDTH, None)
