"""The inspector of an edge with locations: which key signed what, and how far each location is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from signer import PrivateKey
from signer.edge import EdgeServer
from signer.errors import RemoteError
from tests.edge.followed import NEW, OLD, Site, followed_site
from tests.edge.serving import in_thread, running


@pytest.fixture
def site(tmp_path: Path, p256_key: PrivateKey, rsa_key: PrivateKey) -> Site:
    return followed_site(tmp_path, {OLD: p256_key, NEW: rsa_key})


@pytest.fixture
def edge(site: Site) -> Iterator[EdgeServer]:
    with in_thread(
        lambda: EdgeServer(site.locations, port=0, inspector_port=0, clock=site.clock)
    ) as server:
        yield server


def test_the_inspector_tells_key_location_and_progress(site: Site, edge: EdgeServer) -> None:
    site.clock.now += 1
    site.change(OLD, NEW)
    address = f"{edge.inspector_url}/locations"
    while httpx.get(address).json()["newest"] < 2:
        pass
    answer = httpx.get(site.url(edge.url, NEW), headers={"x-edge-location": "far"})
    assert answer.status_code == 403
    seen = httpx.get(f"{edge.inspector_url}/requests").json()[-1]
    assert (seen["location"], seen["version"]) == ("far", 1)
    assert seen["decision"]["key_pair_id"] == NEW
    told = httpx.get(address).json()
    assert [one["version"] for one in told["locations"]] == [2, 1]
    assert told["locations"][1]["catches_up"] == site.clock.now + 20
    assert told["locations"][0]["trusted"] == {"viewers": [OLD, NEW]}


def test_without_locations_the_inspector_tells_of_none(site: Site) -> None:
    with running(site.api.distribution) as edge:
        assert httpx.get(f"{edge.inspector_url}/locations").json() is None


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("SIGNER_SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.browser
@pytest.mark.parametrize("look", [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_the_page_shows_how_far_each_location_is(
    site: Site,
    edge: EdgeServer,
    browser_path: Path,
    screenshots: Path,
    look: tuple[int, Literal["light", "dark"]],
) -> None:
    width, scheme = look
    alarms: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
        )
        page.on("pageerror", lambda error: alarms.append(str(error)))
        page.goto(edge.inspector_url or "")
        expect(page.locator("#locations-summary")).to_have_text("all serve version 1")
        site.change(OLD, NEW)
        expect(page.locator("#locations-summary")).to_have_text("1 of 2 not yet at version 2")
        for key in (OLD, NEW):
            httpx.get(site.url(edge.url, key), headers={"x-edge-location": "far"})
        expect(page.locator("#list > li").first).to_contain_text(f"far, version 1, key {NEW}")
        far = page.locator("#locations-rows tr").nth(1)
        expect(far.locator(".state")).to_have_text(re.compile(r"version 2 in \d+ seconds"))
        site.api.failure = RemoteError("cloudfront_unavailable", "CloudFront did not answer")
        expect(page.locator("#locations-problem")).to_contain_text("CloudFront did not answer")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=screenshots / f"locations-{width}-{scheme}.png")
        site.api.failure = None
        site.clock.now += 20
        expect(page.locator("#locations-summary")).to_have_text("all serve version 2")
        expect(far).to_contain_text(NEW)
        expect(page.locator("#locations-problem")).to_be_hidden()
        browser.close()
    assert alarms == []
