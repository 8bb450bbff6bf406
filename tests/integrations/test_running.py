"""Each example by the command that its documentation gives: over HTTP, and in a browser."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from signer.dev.content import find_gallery
from signer.dev.ports import free_port
from signer.dev.story.viewer import Viewer, path_of
from tests.integrations.backends import BACKENDS, MAKERS, PASSWORD, ROOT

RUN = BACKENDS / "run.py"
GALLERY = find_gallery()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("name", list(MAKERS)),
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
]


@contextlib.contextmanager
def running(name: str) -> Iterator[str]:
    """Run an example and yield its address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(RUN), name, "--port", str(port)],
        env={**os.environ, "EXAMPLE_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        told = ""
        for line in process.stdout:
            told += line
            if "Ctrl-C" in line:
                break
        site = re.search(r"Site +(\S+)", told)
        assert site, process.stderr.read()
        assert PASSWORD in told
        yield site[1]
    finally:
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=30)
        assert process.returncode == 0, rest
        assert "Traceback" not in rest[1]


def test_make_runs_the_same(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "/python examples/backends/run.py $(ARGS)" in makefile
    for document in ("examples/README.md", "docs/backends.md"):
        assert f"make example ARGS={name}" in (ROOT / document).read_text(encoding="utf-8")


def test_log_in_opens_and_log_out_closes(name: str) -> None:
    picture, film = GALLERY.pictures()[0], GALLERY.film()[0]
    share = f"/api/images/{picture.key.rpartition('/')[2]}/url"
    with running(name) as site, Viewer(site) as ada, Viewer(site) as stranger:
        assert ada.get("/").status_code == 200
        ada.refused(path_of(picture), "MissingKey")
        assert ada.get(share).status_code == 401

        token = {}
        if csrf := dict(ada.get("/api/session").cookies).get("csrftoken"):
            token = {"X-CSRFToken": csrf}
        answer = ada.post("/api/login", {"name": "ada", "password": PASSWORD}, **token)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, no-store"
        ada.served(path_of(picture), picture)
        ada.served(path_of(film), film)

        url = ada.get(share).json()["url"]
        stranger.served(url, picture)
        stranger.refused(path_of(picture), "MissingKey")

        token = token and {"X-CSRFToken": ada.cookies("/")["csrftoken"]}
        assert ada.post("/api/logout", {}, **token).status_code == 200
        ada.refused(path_of(picture), "MissingKey")
        ada.refused(path_of(film), "MissingKey")
        assert ada.get(share).status_code == 401


@pytest.mark.browser
def test_in_a_browser(name: str, browser_path: Path) -> None:
    as_root = sys.platform != "win32" and os.geteuid() == 0
    arguments = ["--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with running(name) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=arguments + ["--no-sandbox"] * as_root
        )
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(site)
        page.wait_for_selector("html[data-ready=true]")
        shown(page, 0)
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_have_text("That is not right.")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        shown(page, 4)
        page.get_by_role("button", name="Share moonrise.jpg").click()
        url = page.locator("#shared a[href]").get_attribute("href")
        page.get_by_role("button", name="Log out").click()
        shown(page, 0)
        assert url
        assert page.context.request.get(url).status == 200
        assert not errors
        browser.close()


def shown(page: Page, count: int) -> None:
    expect(page.get_by_role("status")).to_have_text(f"{count} of 4 pictures open")
