"""The viewer of one request, without any framework: a session is a dict here."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from signer import PrivateKey
from signer.access import Access
from signer.errors import ConfigurationError, CredentialError, GrantError
from signer.integrations.opening import open_access
from signer.integrations.viewer import SESSION_KEY, LoadClaims, LoadClaimsAsync, Viewer
from tests.grants.tables import jar
from tests.integrations.backends import BASE, GRANTS, NOW, Clock, make_credential

ADA: dict[str, object] = {"sub": "ada", "groups": ["gallery", "cinema"], "email": "ada@example.com"}
LIFE = 15 * 60


class World:
    def __init__(self, folder: Path, key: PrivateKey) -> None:
        self.clock = Clock()
        self.credential = make_credential(folder, key)
        self.access: Access = open_access(
            credential=f"file:{self.credential}", grants=GRANTS, base_url=BASE, clock=self.clock
        )
        self.session: dict[str, Any] = {}

    def viewer(
        self, load: LoadClaims | LoadClaimsAsync | None = None, **options: timedelta
    ) -> Viewer:
        """Begin a request: what the session keeps has been through JSON."""
        self.session = json.loads(json.dumps(self.session))
        return Viewer(self.access, self.session, load=load, clock=self.clock, **options)

    def break_store(self) -> None:
        self.credential.unlink()
        self.clock.now += 31 * 60


@pytest.fixture
def world(tmp_path: Path, p256_key: PrivateKey) -> World:
    return World(tmp_path, p256_key)


def paths(viewer: Viewer) -> set[str]:
    return {path for _, path in jar(viewer.set_cookie_headers())}


def test_nobody_is_nobody(world: World) -> None:
    viewer = world.viewer()
    viewer.refresh_if_due()
    viewer.refresh()
    assert (viewer.subject, viewer.claims, viewer.set_cookie_headers()) == (None, None, [])
    assert world.session == {}


def test_only_what_the_table_reads_is_kept(world: World) -> None:
    viewer = world.viewer()
    viewer.log_in(ADA)
    assert viewer.claims == {"groups": ["gallery", "cinema"]}
    assert viewer.subject == "ada"
    assert "example.com" not in json.dumps(world.session)
    assert paths(viewer) == {"/gallery/", "/film/"}


def test_claims_cannot_be_changed_from_outside(world: World) -> None:
    viewer = world.viewer()
    viewer.log_in({"sub": "guest", "groups": ["gallery"]})
    found = viewer.claims
    assert isinstance(found, dict)
    found["groups"] = ["cinema"]
    assert viewer.claims == {"groups": ["gallery"]}


@pytest.mark.parametrize("groups", [("gallery",), {"gallery"}, frozenset({"gallery"})])
def test_collections_are_kept_as_lists(world: World, groups: object) -> None:
    viewer = world.viewer()
    viewer.log_in({"groups": groups}, subject="7")
    assert viewer.claims == {"groups": ["gallery"]}
    assert world.viewer().subject == "7"


@pytest.mark.parametrize("value", [None, b"gallery", {"a": 1}, object(), [["gallery"], None]])
def test_a_claim_that_no_session_can_keep_is_refused(world: World, value: object) -> None:
    viewer = world.viewer()
    with pytest.raises(ConfigurationError) as caught:
        viewer.log_in({"sub": "ada", "groups": value})
    assert caught.value.code == "claim_value"
    assert caught.value.evidence["field"] == "groups"
    assert viewer.subject is None
    assert world.session == {}


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
    viewer = world.viewer()
    viewer.refresh_if_due()
    assert viewer.subject == "ada"
    world.clock.now += 1
    viewer = world.viewer()
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


def test_a_function_that_fails_is_not_taken_for_an_answer(world: World) -> None:
    def load(_: str) -> Mapping[str, object]:
        raise LookupError

    world.viewer(load).log_in(ADA)
    world.clock.now += LIFE // 2
    viewer = world.viewer(load)
    with pytest.raises(LookupError):
        viewer.refresh_if_due()
    assert viewer.subject == "ada"
    assert viewer.set_cookie_headers() == []


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


def test_log_in_that_cannot_be_signed_for_logs_nobody_in(world: World) -> None:
    world.break_store()
    viewer = world.viewer()
    with pytest.raises(CredentialError):
        viewer.log_in(ADA)
    assert viewer.subject is None
    assert world.session == {}
    with pytest.raises(CredentialError):
        asyncio.run(viewer.log_in_async(ADA))
    assert world.session == {}


def test_a_refresh_that_cannot_be_signed_is_tried_a_minute_later(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.viewer().log_in(ADA)
    world.break_store()
    asyncio.run(world.viewer().refresh_if_due_async())
    world.viewer().refresh_if_due()
    world.clock.now += 59
    world.viewer().refresh_if_due()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "credential_stale" in caplog.text
    world.clock.now += 1
    viewer = world.viewer()
    viewer.refresh_if_due()
    assert len(caplog.records) == 2
    assert viewer.set_cookie_headers() == []
    assert viewer.subject == "ada"


def test_an_emptied_session_is_a_log_out(world: World) -> None:
    world.viewer().log_in(ADA)
    viewer = world.viewer()
    world.session.clear()
    lines = viewer.set_cookie_headers()
    assert jar(lines) == {}
    assert len(lines) == 2 * 5
    assert viewer.subject is None


def test_log_in_twice_in_one_request_leaves_the_second(world: World) -> None:
    viewer = world.viewer()
    viewer.log_in(ADA)
    viewer.log_in({"sub": "guest", "groups": ["gallery"]})
    assert viewer.subject == "guest"
    lines = viewer.set_cookie_headers()
    assert {path for _, path in jar(lines)} == {"/gallery/"}
    # Nothing of the first was sent, but an earlier request may have sent the same.
    assert [line for line in lines if "Path=/film/; Max-Age=0" in line]


def test_log_out_without_log_in_clears_what_can_be_cleared(world: World) -> None:
    viewer = world.viewer()
    viewer.log_out()
    assert jar(viewer.set_cookie_headers()) == {}


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "x",
        [],
        {},
        {"subject": "ada"},
        {"subject": "a", "claims": 1, "held": [], "refresh_at": 0, "until": None},
        {"subject": "a", "claims": {}, "held": [], "refresh_at": 0, "until": None, "more": 1},
    ],
)
def test_a_record_of_another_version_is_nobodys(world: World, stored: object) -> None:
    world.session[SESSION_KEY] = stored
    viewer = world.viewer()
    assert viewer.subject is None
    viewer.refresh_if_due()
    assert viewer.set_cookie_headers() == []


def test_what_was_held_and_is_no_path_of_the_table_reaches_no_header(world: World) -> None:
    world.viewer().log_in(ADA)
    world.session[SESSION_KEY]["held"] += ["/evil/", "/a\r\nSet-Cookie: x", "*"]
    viewer = world.viewer()
    viewer.log_out()
    assert len(viewer.set_cookie_headers()) == 2 * 5


def test_urls_are_signed_for_who_is_logged_in(world: World) -> None:
    viewer = world.viewer()
    with pytest.raises(GrantError):
        viewer.url("share", "a.jpg")
    viewer.log_in(ADA)
    assert viewer.url("share", "a.jpg").expires_at == NOW + 600


def test_the_record_shows_no_more_than_it_needs_to(world: World) -> None:
    world.viewer().log_in(ADA)
    assert set(world.session[SESSION_KEY]) == {"subject", "claims", "held", "refresh_at", "until"}
    assert "Signature" not in json.dumps(world.session)
