"""The viewer of one request, without any framework: a session is a dict here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from signer import PrivateKey
from signer.access import Access
from signer.errors import ConfigurationError, CredentialError, GrantError
from signer.grants import GrantTable
from signer.integrations.record import SESSION_KEY
from signer.integrations.viewer import Viewer
from tests.grants.tables import jar
from tests.integrations.backends import BASE, NOW
from tests.integrations.world import ADA, World, paths


@pytest.fixture
def world(tmp_path: Path, p256_key: PrivateKey) -> World:
    return World(tmp_path, p256_key)


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
    again = viewer.claims
    assert again == {"groups": ["gallery"]}
    assert isinstance(again, dict)
    again["groups"].append("cinema")
    assert viewer.claims == {"groups": ["gallery"]}


@pytest.mark.parametrize("groups", [("gallery",), {"gallery"}, frozenset({"gallery"})])
def test_collections_are_kept_as_lists(world: World, groups: object) -> None:
    viewer = world.viewer()
    viewer.log_in({"groups": groups}, subject="7")
    assert viewer.claims == {"groups": ["gallery"]}
    assert world.viewer().subject == "7"


@pytest.mark.parametrize("value", [b"gallery", {"a": 1}, object(), [["gallery"], None]])
def test_a_claim_that_no_session_can_keep_is_refused(world: World, value: object) -> None:
    viewer = world.viewer()
    with pytest.raises(ConfigurationError) as caught:
        viewer.log_in({"sub": "ada", "groups": value})
    assert caught.value.code == "claim_value"
    assert caught.value.evidence["field"] == "groups"
    assert viewer.subject is None
    assert world.session == {}


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


def test_a_failed_log_in_leaves_nothing_of_an_earlier_viewer(world: World) -> None:
    world.viewer().log_in(ADA)
    world.break_store()
    viewer = world.viewer()
    with pytest.raises(CredentialError):
        viewer.log_in({"sub": "guest", "groups": ["gallery"]})
    lines = viewer.set_cookie_headers()
    assert jar(lines) == {}
    assert {line.split("; ")[1] for line in lines} == {"Path=/gallery/", "Path=/film/"}


def test_a_viewer_whom_somebody_else_logged_in_is_remembered_all_the_same(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def load(_: str) -> Mapping[str, object]:
        return ADA

    world.break_store()
    viewer = world.viewer(load)
    viewer.follow(ADA, subject="ada")
    assert viewer.subject == "ada"
    assert jar(viewer.set_cookie_headers()) == {}
    with pytest.raises(CredentialError):
        viewer.url("share", "a.jpg")
    for _ in range(3):
        world.viewer(load).refresh_if_due()
    assert caplog.text.count("no signed cookies") == 1
    with pytest.raises(ConfigurationError):
        world.viewer(load).follow({"groups": object()}, subject="ada")


def test_a_claim_that_is_null_is_one_that_is_not_there(world: World) -> None:
    viewer = world.viewer()
    viewer.log_in(ADA | {"groups": None, "sub": "ada"})
    assert viewer.claims == {}


@pytest.mark.parametrize(
    ("count", "told"),
    [(20, "grant_cookies_too_large"), (21, "none is opened, in grants: courses")],
)
def test_claims_that_ask_for_too_much_are_logged_and_the_page_is_served(
    world: World, count: int, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    long = "a-rather-long-directory-of-the-school-" * 8
    table = GrantTable.from_toml(
        f'version = 1\n[[grants]]\nname = "courses"\npath = "/{long}/{{course}}/*"\n'
        '[[grants]]\nname = "news"\npath = "/news/*"\n',
        base_url=BASE,
    )
    access = Access(table, world.access._signer, clock=world.clock)
    claims = {"sub": "ada", "course": [str(number) for number in range(count)]}
    session: dict[str, object] = {}
    viewer = Viewer(access, session, clock=world.clock)
    viewer.follow(claims, subject="ada")
    assert viewer.subject == "ada"
    assert told in caplog.text
    assert paths(viewer) == ({"/news/"} if count > 20 else set())


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


def test_an_emptied_session_is_nobodys_at_once(world: World) -> None:
    for refresh in (Viewer.refresh_if_due, lambda one: asyncio.run(one.refresh_if_due_async())):
        world.viewer().log_in(ADA)
        viewer = world.viewer()
        world.session.clear()
        refresh(viewer)
        assert viewer.subject is None


def test_a_response_with_a_url_is_private(world: World) -> None:
    world.viewer().log_in(ADA)
    viewer = world.viewer()
    assert not viewer.is_private
    viewer.url("share", "a.jpg")
    assert viewer.is_private


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


STORED: dict[str, object] = {
    "site": BASE,
    "subject": "ada",
    "claims": {},
    "held": [],
    "logged_in_at": NOW,
    "checked_at": NOW,
    "refresh_at": NOW + 60,
}


def test_a_record_is_read_as_it_was_written(world: World) -> None:
    world.session[SESSION_KEY] = STORED
    assert world.viewer().subject == "ada"


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "x",
        [],
        {},
        {"subject": "ada"},
        STORED | {"claims": 1},
        STORED | {"held": "/film/"},
        STORED | {"refresh_at": "x"},
        STORED | {"checked_at": None},
        STORED | {"more": 1},
        STORED | {"site": "https://staging.example.test"},
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
    assert world.session[SESSION_KEY].keys() == STORED.keys()
    assert "Signature" not in json.dumps(world.session)
