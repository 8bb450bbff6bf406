"""Claims of a viewer: how old they may be, who is asked for newer ones, and what if nobody answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from signer import PrivateKey, open_issuer
from signer.access import Access
from signer.errors import ConfigurationError, RemoteError
from signer.grants import GrantTable
from signer.integrations.record import SESSION_KEY
from signer.integrations.viewer import Viewer
from tests.grants.tables import jar
from tests.integrations.backends import BASE, NOW
from tests.integrations.world import ADA, LIFE, World, paths


@pytest.fixture
def world(tmp_path: Path, p256_key: PrivateKey) -> World:
    return World(tmp_path, p256_key)


def test_without_a_function_claims_are_believed_for_a_while(world: World) -> None:
    world.viewer().log_in(ADA)
    for _ in range(4):
        world.clock.now += LIFE - 1
        viewer = world.viewer()
        viewer.refresh_if_due()
        assert viewer.subject == "ada"
        assert paths(viewer) == {"/gallery/", "/film/"}
    world.clock.now = NOW + 3600
    viewer = world.viewer()
    viewer.refresh_if_due()
    assert viewer.subject is None
    assert jar(viewer.set_cookie_headers()) == {}
    assert len(viewer.set_cookie_headers()) == 2 * 5
    assert world.session == {}


def test_how_long_is_a_setting(world: World) -> None:
    world.viewer(session_lifetime=timedelta(seconds=100)).log_in(ADA)
    world.clock.now += 99
    viewer = world.viewer(session_lifetime=timedelta(seconds=100))
    viewer.refresh_if_due()
    assert viewer.subject == "ada"
    world.clock.now += 1
    viewer = world.viewer(session_lifetime=timedelta(seconds=100))
    viewer.refresh_if_due()
    assert viewer.subject is None


def test_newer_claims_are_asked_for_by_subject(world: World) -> None:
    asked: list[str] = []

    def load(subject: str) -> Mapping[str, object]:
        asked.append(subject)
        return {"sub": "ada", "groups": ["gallery"]}

    world.viewer(load).log_in(ADA)
    assert asked == []
    world.clock.now += LIFE // 2
    viewer = world.viewer(load)
    viewer.refresh_if_due()
    assert asked == ["ada"]
    assert viewer.claims == {"groups": ["gallery"]}
    kept = jar(viewer.set_cookie_headers())
    assert {path for _, path in kept} == {"/gallery/"}
    assert [line for line in viewer.set_cookie_headers() if "Path=/film/; Max-Age=0" in line]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_while_newer_claims_cannot_be_loaded_the_old_ones_serve_for_a_while(
    world: World, caplog: pytest.LogCaptureFixture, *, asynchronous: bool
) -> None:
    answers: list[Exception | dict[str, object]] = [LookupError("canary"), RemoteError("a", "b")]

    def load(_: str) -> Mapping[str, object]:
        answer = answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def refreshed() -> Viewer:
        viewer = world.viewer(load)
        if asynchronous:
            asyncio.run(viewer.refresh_if_due_async())
        else:
            viewer.refresh_if_due()
        return viewer

    world.viewer(load).log_in(ADA)
    world.clock.now += LIFE // 2
    for _ in range(3):
        viewer = refreshed()
        assert viewer.subject == "ada"
        assert viewer.set_cookie_headers() == []
    # Asked once a minute, however many requests come.
    assert caplog.text.count("newer claims could not be loaded") == 1
    answers.pop(0)
    world.clock.now = NOW + 20 * 60 - 1
    assert refreshed().url("share", "a.jpg").url
    world.clock.now += 61
    viewer = refreshed()
    with pytest.raises(RemoteError) as caught:
        viewer.url("share", "a.jpg")
    assert caught.value.code == "claims_unknown"
    assert viewer.subject == "ada"
    answers[0] = {"groups": ["gallery"]}
    world.clock.now += 60
    viewer = refreshed()
    assert paths(viewer) == {"/gallery/"}
    assert viewer.url("share", "a.jpg").url


def test_a_coroutine_function_needs_the_async_methods(world: World) -> None:
    async def load(_: str) -> Mapping[str, object]:
        await asyncio.sleep(0)
        return {"groups": ["gallery"]}

    world.viewer(load).log_in(ADA)
    viewer = world.viewer(load)
    with pytest.raises(ConfigurationError) as caught:
        viewer.refresh()
    assert caught.value.code == "claims_async"


def test_an_object_that_is_called_asynchronously_is_a_coroutine_function(world: World) -> None:
    class Accounts:
        async def __call__(self, _: str) -> Mapping[str, object]:
            await asyncio.sleep(0)
            return {"groups": ["gallery"]}

    async def walk() -> None:
        viewer = world.viewer(Accounts())
        await viewer.log_in_async(ADA)
        await viewer.refresh_async()
        assert viewer.claims == {"groups": ["gallery"]}

    asyncio.run(walk())


def test_the_async_methods_do_the_same(world: World) -> None:
    async def load(subject: str) -> Mapping[str, object] | None:
        await asyncio.sleep(0)
        return {"groups": ["gallery"]} if subject == "ada" else None

    async def walk() -> None:
        await world.viewer(load).log_in_async(ADA)
        world.clock.now += LIFE // 2
        viewer = world.viewer(load)
        await viewer.refresh_if_due_async()
        assert paths(viewer) == {"/gallery/"}
        made = await viewer.url_async("share", "a.jpg")
        assert made.url.startswith(f"{BASE}/gallery/a.jpg?")
        await viewer.refresh_if_due_async()
        world.session[SESSION_KEY]["subject"] = "eve"
        viewer = world.viewer(load)
        await viewer.refresh_async()
        assert viewer.subject is None

    asyncio.run(walk())


def test_a_plain_function_is_asked_in_a_thread(world: World) -> None:
    asked: list[int] = []

    def load(_: str) -> Mapping[str, object]:
        asked.append(threading.get_ident())
        return {"groups": ["gallery"]}

    async def walk() -> None:
        viewer = world.viewer(load)
        await viewer.log_in_async(ADA)
        await viewer.refresh_async()

    asyncio.run(walk())
    assert len(asked) == 1
    assert asked[0] != threading.get_ident()


def test_without_a_function_the_async_methods_believe_as_long(world: World) -> None:
    async def walk() -> None:
        await world.viewer().log_in_async(ADA)
        world.clock.now += 3600
        viewer = world.viewer()
        await viewer.refresh_if_due_async()
        assert viewer.subject is None

    asyncio.run(walk())


def test_newer_claims_are_loaded_by_a_subject(world: World) -> None:
    def load(_: str) -> Mapping[str, object]:
        return ADA

    viewer = world.viewer(load)
    with pytest.raises(ConfigurationError) as caught:
        viewer.log_in({"groups": ["gallery"]})
    assert caught.value.code == "claims_subject"
    assert world.session == {}
    world.viewer().log_in({"groups": ["gallery"]})
    assert world.viewer().subject == ""


def test_claims_are_never_older_than_a_quarter_of_an_hour(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def load(subject: str) -> Mapping[str, object] | None:
        asked.append(subject)
        return None

    # A table whose cookies last for a week.
    monkeypatch.setattr(world, "access", long_lived(world))
    world.viewer(load).log_in(ADA)
    world.clock.now += 15 * 60 - 1
    world.viewer(load).refresh_if_due()
    assert asked == []
    world.clock.now += 1
    viewer = world.viewer(load)
    viewer.refresh_if_due()
    assert asked == ["ada"]
    assert viewer.subject is None


def long_lived(world: World) -> Access:
    text = 'version = 1\n[[grants]]\nname = "film"\npath = "/film/*"\nttl = "7d"\n'
    table = GrantTable.from_text(text, base_url=BASE)
    return Access(table, open_issuer(f"file:{world.credential}"), clock=world.clock)


def test_a_program_may_begin_and_stop_loading_newer_claims(world: World) -> None:
    def load(_: str) -> Mapping[str, object]:
        return ADA

    world.viewer().log_in(ADA)
    world.clock.now += 3600 + 1
    viewer = world.viewer(load)
    viewer.refresh_if_due()
    assert paths(viewer) == {"/gallery/", "/film/"}
    # Once, and not at every request from now on.
    viewer = world.viewer(load)
    viewer.refresh_if_due()
    assert viewer.set_cookie_headers() == []
    # Without it the session lifetime counts, from the log-in.
    viewer = world.viewer()
    viewer.refresh_if_due()
    assert viewer.subject is None


def noting(method: Callable[..., Any], threads: set[int]) -> Callable[..., Any]:
    def noted(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the method takes
        threads.add(threading.get_ident())
        return method(*args, **options)

    return noted


def test_signing_asynchronously_happens_in_a_thread(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()
    for name in ("cookies", "url"):
        monkeypatch.setattr(Access, name, noting(getattr(Access, name), threads))

    async def walk() -> None:
        viewer = world.viewer()
        await viewer.log_in_async(ADA)
        await viewer.refresh_async()
        await viewer.url_async("share", "a.jpg")
        world.clock.now += LIFE // 2
        viewer = world.viewer()
        await viewer.refresh_if_due_async()

    asyncio.run(walk())
    assert threads
    assert threading.get_ident() not in threads


def test_newer_claims_that_no_session_can_keep_are_as_good_as_none(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def load(subject: str) -> Mapping[str, object]:
        asked.append(subject)
        return ADA | {"groups": object()}

    world.viewer(load).log_in(ADA)
    for later, signs in ((LIFE, True), (LIFE + 60, True), (LIFE + 301, False)):
        world.clock.now = NOW + later
        viewer = world.viewer(load)
        for _ in range(3):
            viewer.refresh_if_due()
        assert viewer.set_cookie_headers() == []
        if signs:
            assert viewer.url("share", "a.jpg").url
        else:
            with pytest.raises(RemoteError):
                viewer.url("share", "a.jpg")
    # Once a request, and not again within a minute.
    assert asked == ["ada"] * 3
    assert "the claim groups is of type object" in caplog.text
