"""The demo's story in a real browser: refused, logged in, gallery, film, shared, refused again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.dev.running import RunningDemo, running_demo

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ministack,
    pytest.mark.slow,
    pytest.mark.xdist_group("ministack"),
]

QUIET = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
Scheme = Literal["light", "dark"]

PLAY_TO_THE_END = """async (video, rate) => {
    video.muted = true;
    video.playbackRate = rate;
    const end = new Promise((resolve, reject) => {
        video.addEventListener("ended", resolve);
        video.addEventListener("error", () => reject(new Error(video.error.message)));
    });
    await video.play();
    await end;
    return [video.currentTime, video.videoWidth, video.getVideoPlaybackQuality().totalVideoFrames];
}"""


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    with running_demo() as running:
        yield running


@pytest.fixture(scope="module")
def browser(browser_path: Path) -> Iterator[Browser]:
    # Chromium's sandbox refuses to run as root, which is what CI is.
    as_root = sys.platform != "win32" and os.geteuid() == 0
    arguments = [*QUIET, *(["--no-sandbox"] if as_root else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def viewer(browser: Browser, demo: RunningDemo) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=demo.document["site_url"], viewport={"width": 1280, "height": 900}
    )
    yield context
    context.close()


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("SIGNER_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def opened(viewer: BrowserContext, path: str = "/") -> Page:
    page = viewer.new_page()
    page.goto(path)
    settled(page)
    return page


def settled(page: Page) -> None:
    """Wait until the page has asked the edge for everything and knows the answers."""
    page.wait_for_selector("html[data-ready=true]")


def log_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("#session:not([hidden])")
    settled(page)


def widths(page: Page) -> list[int]:
    """Return the natural width of each picture; 0 where nothing was loaded."""
    found: list[int] = page.evaluate("[...document.images].map((image) => image.naturalWidth)")
    return found


def status(page: Page, path: str) -> int:
    answer: int = page.evaluate(
        "(path) => fetch(path, {cache: 'no-store'}).then((answer) => answer.status)", path
    )
    return answer


def test_the_story(
    browser: Browser, viewer: BrowserContext, demo: RunningDemo, screenshots: Path
) -> None:
    page = opened(viewer)
    assert widths(page) == [0] * 8
    expect(page.locator("#gallery-state")).to_contain_text("403 MissingKey")
    expect(page.locator("#film-state")).to_contain_text("403 MissingKey")
    page.screenshot(path=screenshots / "refused.png", full_page=True)

    log_in(page, "ada", "lovelace")
    assert widths(page) == [960] * 8
    seconds, width, frames = page.eval_on_selector("video", PLAY_TO_THE_END, 1)
    assert seconds > 9.9
    assert width == 640
    assert frames > 100
    page.screenshot(path=screenshots / "gallery.png", full_page=True)

    url = shared_url(page, "Blå time")
    page.screenshot(path=screenshots / "shared.png")
    page.get_by_role("button", name="Close").click()
    assert_opens_without_cookies(browser, url)

    page.get_by_role("button", name="Log out").click()
    page.wait_for_selector("#login:not([hidden])")
    settled(page)
    assert widths(page) == [0] * 8
    assert status(page, "/gallery/first-light.jpg") == 403
    assert status(page, "/film/part-00.m4s") == 403
    names = {cookie["name"] for cookie in cookies(viewer)}
    assert names == set()

    look_at_the_inspector(viewer, demo, screenshots)


def shared_url(page: Page, title: str) -> str:
    page.get_by_role("button", name=f"Share {title}").click()
    page.wait_for_selector("dialog[open]")
    return page.get_by_role("textbox", name="Signed URL").input_value()


def assert_opens_without_cookies(browser: Browser, url: str) -> None:
    stranger = browser.new_context()
    try:
        page = stranger.new_page()
        answer = page.goto(url)
        assert answer
        assert answer.status == 200
        assert widths(page) == [960]
        # What the browser sent is, to the byte, what was signed.
        assert answer.request.url == url
        changed = page.goto(url.replace("Signature=M", "Signature=N"))
        assert changed
        assert changed.status == 403
        elsewhere = page.goto(url.replace("bl%C3%A5%20time", "moonrise"))
        assert elsewhere
        assert elsewhere.status == 403
    finally:
        stranger.close()


def look_at_the_inspector(viewer: BrowserContext, demo: RunningDemo, screenshots: Path) -> None:
    page = viewer.new_page()
    page.goto(demo.document["inspector_url"])
    expect(page.get_by_text("/film/part-00.m4s").first).to_be_visible()
    expect(page.get_by_text("MissingKey").first).to_be_visible()
    # Only ever asked for by ada's player, so it shows a policy that was accepted.
    page.get_by_text("/film/part-04.m4s").first.click()
    expect(page.locator("main")).to_contain_text(f"{demo.document['site_url']}/film/*")
    page.screenshot(path=screenshots / "inspector.png")


def cookies(viewer: BrowserContext) -> list[Any]:
    return list(viewer.cookies())


def test_cookies_are_hidden_from_scripts_and_kept_to_their_folders(viewer: BrowserContext) -> None:
    page = opened(viewer)
    log_in(page, "ada", "lovelace")
    assert page.evaluate("document.cookie") == ""
    signed = [cookie for cookie in cookies(viewer) if cookie["name"].startswith("CloudFront-")]
    assert {cookie["path"] for cookie in signed} == {"/gallery/", "/film/"}
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in signed)
    assert {cookie["expires"] for cookie in signed} == {-1}


def test_a_guest_sees_the_gallery_but_not_the_film(viewer: BrowserContext) -> None:
    page = opened(viewer)
    log_in(page, "guest", "guest")
    assert widths(page) == [960] * 8
    expect(page.locator("#film-state")).to_contain_text("403 MissingKey")
    assert page.evaluate("document.querySelector('video').inert")


def test_a_wrong_password_is_told(viewer: BrowserContext) -> None:
    page = opened(viewer)
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("byron")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong")


def test_the_film_plays_where_hls_is_not_native(viewer: BrowserContext) -> None:
    viewer.add_init_script("HTMLMediaElement.prototype.canPlayType = () => ''")
    page = opened(viewer)
    log_in(page, "ada", "lovelace")
    expect(page.locator("#film-state")).to_contain_text("Media Source")
    seconds, width, _ = page.eval_on_selector("video", PLAY_TO_THE_END, 4)
    assert seconds > 9.9
    assert width == 640


@pytest.mark.parametrize("width", [320, 768, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits(browser: Browser, demo: RunningDemo, width: int, scheme: Scheme) -> None:
    context = browser.new_context(
        base_url=demo.document["site_url"],
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
    )
    try:
        page = opened(context)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        context.close()
