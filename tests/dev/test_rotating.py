from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from signer.cli.program import program
from signer.dev.distribution import LOCATIONS, POLL_SECONDS
from signer.dev.issuing import renewed
from signer.dev.rotating import settings
from signer.dev.rotation_news import News, news
from signer.keys import KeyAlgorithm
from signer.rotation.driver import Result, Tick
from signer.rotation.ring import KeyState, Ring, Schedule
from signer.rotation.steps import Act, Step
from tests.dev.running import COMMAND, RunningDemo, running_demo
from tests.rotation.rings import A, draining, key, ring, seen

# Takes everything to the end of a rotation, which is half a minute.
rotates = [pytest.mark.ministack, pytest.mark.slow]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--rotate-every 60s --storage folder", "needs --storage s3"),
        ("--rotate-every 60s --s3-only", "needs --storage s3, and CloudFront"),
        ("--rotate-every 29s", "from 30s to 1d"),
        ("--rotate-every 0s", "from 30s to 1d"),
        ("--rotate-every 2d", "from 30s to 1d"),
        ("--rotate-every soon", "not a duration"),
        ("--rotate-every 60s --lifetime 61", "--lifetime is at most --rotate-every"),
    ],
)
def test_what_cannot_rotate_is_wrong_usage(arguments: str, said: str) -> None:
    done = CliRunner().invoke(program, ["dev", *arguments.split()])
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize("seconds", [30, 60, 600, 86_400])
def test_the_schedule_leaves_time_for_locations_and_room_in_the_group(seconds: int) -> None:
    lifetime = min(seconds, 900)
    schedule = schedule_of(seconds, lifetime)
    slowest = max(location.delay for location in LOCATIONS)
    # MiniStack's times are whole seconds.
    assert schedule.soak >= slowest + POLL_SECONDS + 2 + 5
    drain = schedule.stale_limit + lifetime + schedule.skew
    # The signing key, those that drain, and the next one: four keys of ours at most.
    assert drain <= 2 * seconds


def schedule_of(period: int, lifetime: int) -> Schedule:
    return settings(
        timedelta(seconds=period),
        lifetime=timedelta(seconds=lifetime),
        algorithm=KeyAlgorithm.ECDSA_P256,
        probe_url="http://localhost/p",
    ).schedule


def told(one: Ring, step: Step, result: Result = Result.DONE) -> News | None:
    return news(Tick(result, step, one, seen(one)))


def clock(seconds: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def test_a_published_key_is_told_with_the_end_of_its_soak() -> None:
    published = key("p", KeyState.PUBLISHED, published_at=1000)
    line = told(ring(A, published), Step(Act.PUBLISH, "p"))
    soaked = 1000 + ring().settings.schedule.soak
    assert line == News(f"KP published, soaking until {clock(soaked)}", lasting=True)


def test_a_switch_is_told_with_the_key_that_drains() -> None:
    one = ring(A, draining("d", demoted=1000, until=2000), draining("e", demoted=900, until=1900))
    line = told(one, Step(Act.PROMOTE, "a"))
    assert line == News(f"issuers switched to KA; KD drains until {clock(2000)}", lasting=True)


def test_a_revoked_key_is_told_as_such() -> None:
    gone = key("g", KeyState.REMOVED, revoked="stolen")
    line = told(ring(A, gone), Step(Act.REMOVE, "g"))
    assert line == News("KG revoked and out of the key group: stolen", lasting=True)
    drained = told(ring(A, replace(gone, revoked="")), Step(Act.REMOVE, "g"))
    assert drained
    assert "all that it signed has ended" in drained.text


def test_waiting_tells_what_signs_and_what_comes() -> None:
    step = Step(Act.WAIT, "a", Act.PROMOTE.words, 3000, Act.PROMOTE)
    line = told(ring(A), step, Result.WAITING)
    text = f"signing with KA; next, at {clock(3000)}: switch issuers to the key"
    assert line == News(text, lasting=False)


def test_what_others_do_is_not_told_and_what_stands_still_is() -> None:
    assert told(ring(A), Step(Act.PUBLISH, "a"), Result.BUSY) is None
    halted = told(ring(A), Step(Act.HALT, None, "frozen: lunch"), Result.HALTED)
    assert halted == News("rotation stands still: frozen: lunch", lasting=True)


def test_a_function_is_started_anew_when_its_instance_is_old() -> None:
    started: list[float] = []

    def start() -> object:
        number = len(started)
        started.append(time.monotonic())
        return lambda _event, _context: number

    handler = renewed(
        start,  # type: ignore[arg-type]
        max_age=timedelta(milliseconds=50),
        stale_limit=timedelta(milliseconds=100),
    )
    assert len(started) == 1
    deadline = time.monotonic() + 10
    while handler({}, None) == 0:
        assert time.monotonic() < deadline
    assert handler({}, None) != 0


class TestRunning:
    """The demo itself."""

    pytestmark = rotates

    def test_the_whole_story_is_told_with_rotation(self) -> None:
        done = subprocess.run(
            [*COMMAND, "--check", "--json", "--rotate-every", "30s"],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
        story = json.loads(done.stdout)
        assert [step for step in story["steps"] if not step["passed"]] == []
        assert story["passed"]
        assert len(story["steps"]) == 25
        assert story["rotation"]["locations"] == {"near": 0.0, "far": 8.0}
        assert done.returncode == 0


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    with running_demo("--rotate-every", "30s") as running:
        yield running


@pytest.fixture
def viewer(browser_path: Path, demo: RunningDemo) -> Iterator[BrowserContext]:
    as_root = sys.platform != "win32" and os.geteuid() == 0
    arguments = ["--disable-gpu", *(["--no-sandbox"] if as_root else [])]
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        context = browser.new_context(
            base_url=demo.document["site_url"], viewport={"width": 1280, "height": 900}
        )
        yield context
        browser.close()


@pytest.mark.browser
@pytest.mark.ministack
@pytest.mark.slow
def test_the_page_stays_usable_across_a_rotation(
    viewer: BrowserContext, demo: RunningDemo, tmp_path: Path
) -> None:
    screenshots = Path(os.environ.get("SIGNER_SCREENSHOTS") or tmp_path)
    page = viewer.new_page()
    page.goto("/")
    page.get_by_role("link", name="Log in").click()
    page.get_by_role("button", name="ada").click()
    page.wait_for_selector("html[data-ready=true]")
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    first = key_in_use(viewer)
    assert first

    deadline = time.monotonic() + 120
    while key_in_use(viewer) == first:
        assert time.monotonic() < deadline
        assert statuses(page) == {"near": 200, "far": 200}
        page.wait_for_timeout(500)
    assert statuses(page) == {"near": 200, "far": 200}
    assert loads == []

    inspector = viewer.new_page()
    inspector.goto(demo.document["inspector_url"])
    expect(inspector.locator("#locations")).to_contain_text(key_in_use(viewer))
    expect(inspector.locator("#locations")).to_contain_text(re.compile("near.*far", re.DOTALL))
    inspector.screenshot(path=screenshots / "rotation.png")


def key_in_use(viewer: BrowserContext) -> str:
    """Return the key of the cookies that the browser keeps for the film."""
    found = [
        cookie["value"]
        for cookie in viewer.cookies()
        if (cookie["name"], cookie["path"]) == ("CloudFront-Key-Pair-Id", "/film/")
    ]
    return found[0]


def statuses(page: Page) -> dict[str, int]:
    """Ask for a part of the film at both locations, as its player would."""
    asked = """async () => {
        const ask = (name) => fetch("/film/part-00.m4s", {cache: "no-store", headers: {"x-edge-location": name}});
        return {near: (await ask("near")).status, far: (await ask("far")).status};
    }"""
    found: dict[str, int] = page.evaluate(asked)
    return found
