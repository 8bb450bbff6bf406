"""The inspector: who may read it, what it tells, and that nothing it shows is ever markup."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Dialog, expect, sync_playwright

from signer import PrivateKey
from signer.edge import EdgeServer
from signer.edge.exchange import REMEMBERED
from signer.edge.hints import HINTS
from signer.edge.inspector import _ASSETS, is_loopback_host
from signer.verdict import STEPS
from tests.edge.serving import issuer_of, private_folder, public_folder, running

HOUR = timedelta(hours=1)


@pytest.fixture
def edge(tmp_path: Path, p256_key: PrivateKey) -> Iterator[EdgeServer]:
    (tmp_path / "a.txt").write_text("hello")
    with running(private_folder(tmp_path, p256_key)) as edge:
        yield edge


def inspect(edge: EdgeServer, path: str = "/requests", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(f"{edge.inspector_url}{path}", headers=named)


def last(edge: EdgeServer) -> dict[str, Any]:
    found: dict[str, Any] = inspect(edge).json()[-1]
    return found


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8081", "127.0.0.1", "127.0.0.1:1", "127.8.9.1", "[::1]", "[::1]:8081"],
)
def test_loopback_names(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "evil.localhost",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "[::2]",
        "localhost@evil",
        "0.0.0.0",
        "2130706433",
        "localhost:8081:1",
    ],
)
def test_names_that_others_can_own(host: str) -> None:
    assert not is_loopback_host(host)


def test_foreign_hosts_and_sites_read_nothing(edge: EdgeServer) -> None:
    httpx.get(f"{edge.url}/secret-name")
    for headers in (
        {"host": "evil.example"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "cors"},
        {"sec_fetch_site": "same-site", "sec_fetch_mode": "no-cors"},
    ):
        for path in ("/requests", "/events", "/"):
            answer = inspect(edge, path, **headers)
            assert answer.status_code in {403, 421}
            assert "secret-name" not in answer.text
    assert (
        inspect(edge, "/", sec_fetch_site="cross-site", sec_fetch_mode="navigate").status_code
        == 200
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_it_can_only_be_read(edge: EdgeServer, method: str) -> None:
    answer = httpx.request(
        method, f"{edge.inspector_url}/requests", headers={"origin": "http://evil.example"}
    )
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_pages_are_locked_down(edge: EdgeServer) -> None:
    for path in (*_ASSETS, "/requests", "/missing"):
        headers = inspect(edge, path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert inspect(edge, "/missing").status_code == 404
    assert inspect(edge, "/../server.py").status_code == 404


def test_scripts_never_make_markup() -> None:
    folder = resources.files("signer.edge.inspector")
    for name, _ in _ASSETS.values():
        text = folder.joinpath(name).read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser",
            text,
        )
        assert not re.search(r"\bon[a-z]+=|javascript:|style=", text)
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_a_refusal_is_told_in_full(edge: EdgeServer, p256_key: PrivateKey) -> None:
    url = issuer_of(p256_key).signed_url(
        f"{edge.url}/a.txt", expires_in=HOUR, resource=f"{edge.url}/a.*", ip_address="10.0.0.0/8"
    )
    httpx.get(url)
    seen = last(edge)
    decision = seen["decision"]
    assert (seen["status"], seen["reason"], decision["code"]) == (
        403,
        "ip_mismatch",
        "AccessDenied",
    )
    assert [check["name"] for check in decision["checks"]] == list(STEPS)
    assert [check["passed"] for check in decision["checks"]] == [True] * (len(STEPS) - 1) + [False]
    assert decision["policy"]["resource"] == f"{edge.url}/a.*"
    assert decision["policy"]["ip_address"] == "10.0.0.0/8"
    assert json.loads(decision["policy"]["text"])["Statement"]
    assert decision["key_group"] == "viewers"
    assert [row["outcome"] for row in decision["sections"]] == ["matches"] * 4
    assert seen["hints"] == [HINTS["ip_mismatch"]]
    assert seen["origin"] is None
    assert seen["behavior"]["trusted_key_groups"] == ["viewers"]


def test_the_section_that_differs_is_marked(edge: EdgeServer, p256_key: PrivateKey) -> None:
    url = issuer_of(p256_key).signed_url(
        f"{edge.url}/x/a.txt", expires_in=HOUR, resource=f"{edge.url}/x/*.txt"
    )
    httpx.get(url.replace("/x/a.txt?", "/y/a.txt?"))
    decision = last(edge)["decision"]
    assert decision["reason"] == "resource_path"
    assert [row["outcome"] for row in decision["sections"]] == [
        "matches",
        "matches",
        "differs",
        "not compared",
    ]
    assert decision["sections"][2]["pattern"] == "/x/*.txt"
    assert decision["sections"][2]["url"] == "/y/a.txt"
    assert decision["not_reached"] == ["dates", "viewer ip"]


def test_what_the_origin_gets_is_told(edge: EdgeServer, p256_key: PrivateKey) -> None:
    url = issuer_of(p256_key).signed_url(f"{edge.url}/a.txt?v=1", expires_in=HOUR)
    httpx.get(url, headers={"cookie": "session=abcdefghijkl"})
    seen = last(edge)
    assert seen["origin"]["query"] == "v=1"
    assert seen["origin"]["parameters_removed"] == [
        "Expires",
        "Signature",
        "Key-Pair-Id",
        "Hash-Algorithm",
    ]
    assert seen["origin"]["cookies_removed"] == ["session"]
    assert seen["cookies"] == [{"name": "session", "value": "abcdefgh…"}]


def test_cookies_that_were_not_looked_at(edge: EdgeServer, p256_key: PrivateKey) -> None:
    cookies = issuer_of(p256_key).signed_cookies(f"{edge.url}/x/*", expires_in=HOUR)
    httpx.get(f"{edge.url}/x/a?Expires=1", headers={"cookie": cookies.header()})
    assert any("not looked at" in hint for hint in last(edge)["hints"])
    httpx.get(f"{edge.url}/x/a", headers={"cookie": "CloudFront-Signature=x"})
    assert any("only these arrived: CloudFront-Signature" in hint for hint in last(edge)["hints"])
    httpx.options(f"{edge.url}/x/a")
    assert any("preflight" in hint for hint in last(edge)["hints"])


HOSTILE = [
    "/<script>alert(1)</script>",
    "/<img src=x onerror=alert(1)>",
    "/%3Cscript%3Ealert(1)%3C/script%3E",
    "/';alert(1)//",
    '/"><svg/onload=alert(1)>',
    "/{{constructor.constructor('alert(1)')()}}",
    "/x?a=</textarea><script>alert(1)</script>",
    "/x?Policy=<script>alert(1)</script>",
    "/x?Key-Pair-Id=<img/src=x/onerror=alert(1)>&Signature=<b>&Expires=1",
    "/\u202egnp.exe".encode("utf-8").decode("latin-1"),
    "/%0d%0a%0d%0aevent:%20hello",
    "/%E2%80%AEgnp.exe",
]


def hostile_requests(edge: EdgeServer) -> None:
    host, _, port = edge.url.removeprefix("http://").partition(":")
    for path in HOSTILE:
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            target = path.replace(" ", "%20").encode("latin-1")
            head = (
                b"GET "
                + target
                + b" HTTP/1.1\r\nHost: <script>alert(1)</script>\r\nCookie: <b>=<script>alert(1)</script>\r\nX: </script><script>alert(1)</script>\r\nConnection: close\r\n\r\n"
            )
            connection.sendall(head)
            connection.recv(65536)


def test_events_tell_the_past_and_then_the_present(edge: EdgeServer) -> None:
    httpx.get(f"{edge.url}/first")
    with httpx.stream("GET", f"{edge.inspector_url}/events", timeout=10) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        threading.Timer(0.2, lambda: httpx.get(f"{edge.url}/second")).start()
        events: list[tuple[str, Any]] = []
        name = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                events.append((name, json.loads(line.removeprefix("data: "))))
            if (
                events
                and events[-1][1].get("path") == "/second"
                and events[-1][1]["seconds"] is not None
            ):
                break
    assert events[0][0] == "hello"
    assert events[0][1]["title"] == edge.url
    assert events[1][1]["path"] == "/first"


def test_only_the_last_requests_are_remembered(tmp_path: Path) -> None:
    with running(public_folder(tmp_path)) as edge, httpx.Client() as client:
        for number in range(REMEMBERED + 20):
            client.get(f"{edge.url}/{number}")
        seen = inspect(edge).json()
    assert len(seen) == REMEMBERED
    assert seen[0]["path"] == "/20"


@pytest.mark.browser
def test_the_page_shows_hostile_requests_and_runs_nothing(
    edge: EdgeServer, browser_path: Path
) -> None:
    hostile_requests(edge)
    httpx.get(f"{edge.url}/a.txt")
    alarms: list[str] = []

    def dismissed(dialog: Dialog) -> None:
        alarms.append(dialog.message)
        dialog.dismiss()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("dialog", dismissed)
        page.on("pageerror", lambda error: alarms.append(str(error)))
        page.on("console", lambda message: alarms.append(f"{message.type} {message.text}"))
        page.goto(edge.inspector_url or "")
        expect(page.locator("#connection")).to_have_text("live")
        # All but the one with raw bytes outside ASCII, which is no HTTP; and the last, harmless one.
        expect(page.locator("#list > li")).to_have_count(len(HOSTILE))
        shown = page.locator("#list > li").count()
        for _ in range(shown):
            page.keyboard.press("ArrowDown")
            assert page.locator("#detail h2").count() == 1
        assert (
            page.locator(
                "#list script, #detail script, #list img, #detail img, #detail svg"
            ).count()
            == 0
        )
        assert "\u202e" not in page.locator("body").inner_text()
        # Filter, refused only, copying, clearing: by keyboard alone.
        page.keyboard.press("/")
        page.keyboard.type("a.txt")
        assert page.locator("#list > li:visible").count() == 1
        page.keyboard.press("Escape")
        assert page.locator("#list > li:visible").count() == shown
        page.keyboard.press("p")
        httpx.get(f"{edge.url}/while-paused")
        expect(page.locator("#count")).to_contain_text("1 held back")
        page.keyboard.press("p")
        expect(page.locator("#list")).to_contain_text("while-paused")
        page.keyboard.press("x")
        assert page.locator("#list > li").count() == 0
        page.reload()
        expect(page.locator("#connection")).to_have_text("live")
        page.wait_for_timeout(300)
        assert page.locator("#list > li").count() == 0
        browser.close()
    assert alarms == []
