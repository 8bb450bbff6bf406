"""The demo's story in a real browser: refused, logged in, gallery, film, shared, refused again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect, sync_playwright

from signer.dev.identity import ACCOUNTS, IdentityProvider
from tests.dev.running import RunningDemo, running_demo

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ministack,
    pytest.mark.slow,
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
    # As it is deployed: everything that a browser does here, it does with the stack of cdk/.
    with running_demo("--cdk") as running:
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


def log_in(page: Page, name: str) -> None:
    """Go to the identity provider, choose an account there, and come back."""
    page.get_by_role("link", name="Log in").click()
    page.get_by_role("button", name=name).click()
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

    log_in(page, "ada")
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
    # The site has ended its session; the provider asks about its own and sends the browser back.
    page.get_by_role("button", name="End session").click()
    page.wait_for_selector("#login:not([hidden])")
    settled(page)
    assert widths(page) == [0] * 8
    assert status(page, "/gallery/first-light.jpg") == 403
    assert status(page, "/film/part-00.m4s") == 403
    site = demo.document["site_url"]
    assert viewer.cookies(site) == []

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
    log_in(page, "ada")
    assert page.evaluate("document.cookie") == ""
    own = [cookie for cookie in cookies(viewer) if cookie["name"].startswith("__Host-")]
    assert [cookie["name"] for cookie in own] == ["__Host-signer-session"]
    signed = [cookie for cookie in cookies(viewer) if cookie["name"].startswith("CloudFront-")]
    assert {cookie["path"] for cookie in signed} == {"/gallery/", "/film/"}
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in signed)
    assert {cookie["expires"] for cookie in signed} == {-1}


def test_a_withdrawn_right_is_gone_after_the_next_renewal(
    viewer: BrowserContext, demo: RunningDemo
) -> None:
    page = opened(viewer)
    log_in(page, "ada")
    assert status(page, "/film/part-00.m4s") == 200
    provider = IdentityProvider(demo.document["identity_url"])
    provider.set_groups("ada", "gallery")
    try:
        page.reload()
        settled(page)
        expect(page.locator("#film-state")).to_contain_text("403 MissingKey")
        assert status(page, "/film/part-00.m4s") == 403
        assert widths(page) == [960] * 8
    finally:
        provider.set_groups("ada", *ACCOUNTS["ada"])


@pytest.fixture(scope="module")
def short_lived() -> Iterator[RunningDemo]:
    with running_demo("--storage", "folder", "--lifetime", "10") as running:
        yield running


def refreshes_of(page: Page) -> list[int]:
    """Return a list that grows by the status of each refresh."""
    statuses: list[int] = []

    def note(got: Response) -> None:
        if got.url.endswith("/auth/cookies"):
            statuses.append(got.status)

    page.on("response", note)
    return statuses


def signature_of(context: BrowserContext) -> str:
    for cookie in cookies(context):
        if (cookie.get("name"), cookie.get("path")) == ("CloudFront-Signature", "/film/"):
            return str(cookie["value"])
    return ""


def test_cookies_are_renewed_silently_while_the_film_plays(
    browser: Browser, short_lived: RunningDemo
) -> None:
    context = browser.new_context(base_url=short_lived.document["site_url"])
    try:
        page = opened(context)
        log_in(page, "ada")
        refreshes = refreshes_of(page)
        loads: list[str] = []
        page.on("framenavigated", lambda frame: loads.append(frame.url))
        before = signature_of(context)
        # The film lasts as long as the cookies; at half speed they are renewed while it plays.
        seconds, _, _ = page.eval_on_selector("video", PLAY_TO_THE_END, 0.5)
        assert seconds > 9.9
        assert len(refreshes) >= 2
        assert set(refreshes) == {200}
        assert signature_of(context) not in {before, ""}
        assert loads == []
        assert status(page, "/film/part-00.m4s") == 200
    finally:
        context.close()


def test_a_403_is_mended_by_one_refresh(viewer: BrowserContext) -> None:
    page = opened(viewer)
    log_in(page, "ada")
    viewer.clear_cookies(name="CloudFront-Signature")
    assert status(page, "/film/part-00.m4s") == 403
    refreshes = refreshes_of(page)
    fetched = """async (paths) => {
        const { fetchSigned } = await import("/auth/client.js");
        const answers = await Promise.all(paths.map((path) => fetchSigned(path, {cache: "no-store"})));
        return answers.map((answer) => answer.status);
    }"""
    parts = [f"/film/part-0{number}.m4s" for number in range(5)]
    assert page.evaluate(fetched, parts) == [200] * 5
    assert refreshes == [200]
    # What stays refused is told as it is, and makes nobody ask again and again.
    for _ in range(3):
        assert page.evaluate(fetched, ["/other/secret.txt"]) == [403]
    assert len(refreshes) == 1


LOG_OUT_DURING_A_RENEWAL = """async () => {
    const { refresh, logOut } = await import("/auth/client.js");
    const order = [];
    const send = window.fetch;
    window.fetch = async (resource, init) => {
        const name = String(resource).split("/").pop();
        order.push(`${name} sent`);
        const answer = await send(resource, init);
        await new Promise((done) => setTimeout(done, name === "cookies" ? 300 : 0));
        order.push(`${name} answered`);
        return answer;
    };
    await Promise.all([refresh(), logOut({ everywhere: false })]);
    await new Promise((done) => setTimeout(done, 300));
    return order;
}"""


def test_log_out_wins_over_a_renewal_that_is_under_way(
    viewer: BrowserContext, demo: RunningDemo
) -> None:
    page = opened(viewer)
    log_in(page, "ada")
    other = opened(viewer)
    order = page.evaluate(LOG_OUT_DURING_A_RENEWAL)
    assert order == ["cookies sent", "cookies answered", "logout sent", "logout answered"]
    assert viewer.cookies(demo.document["site_url"]) == []
    # The other tab learns of it at once.
    other.wait_for_selector("#login:not([hidden])")
    assert viewer.cookies(demo.document["site_url"]) == []


def test_the_presigned_page_shows_pictures_from_the_bucket(
    browser: Browser, screenshots: Path
) -> None:
    with running_demo("--s3-only") as demo:
        context = browser.new_context(base_url=demo.document["site_url"])
        try:
            page = opened(context)
            expect(page.get_by_role("status")).to_have_text("0 of 8 pictures shown")
            page.get_by_role("link", name="Log in").click()
            page.get_by_role("button", name="guest").click()
            expect(page.get_by_role("status")).to_have_text("8 of 8 pictures shown")
            assert widths(page) == [960] * 8
            page.screenshot(path=screenshots / "presigned.png", full_page=True)
        finally:
            context.close()


def test_a_guest_sees_the_gallery_but_not_the_film(viewer: BrowserContext) -> None:
    page = opened(viewer)
    log_in(page, "guest")
    assert widths(page) == [960] * 8
    expect(page.locator("#film-state")).to_contain_text("403 MissingKey")
    assert page.evaluate("document.querySelector('video').inert")


def test_the_film_plays_where_hls_is_not_native(viewer: BrowserContext) -> None:
    viewer.add_init_script("HTMLMediaElement.prototype.canPlayType = () => ''")
    page = opened(viewer)
    log_in(page, "ada")
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
