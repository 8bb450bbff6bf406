"""Edge locations that learn of changes late: what each serves, and what happens when the API is down."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from signer import PrivateKey
from signer.edge import (
    Behavior,
    Distribution,
    EdgeApp,
    EdgeLocation,
    EdgeServer,
    FolderOrigin,
    HttpOrigin,
    Locations,
    ViewerCertificate,
)
from signer.errors import ConfigurationError, RemoteError
from signer.keys import PublicKey
from signer.verifier import TrustedKeyGroup
from tests.edge.followed import NEAR, NEW, OLD, Site, followed_site
from tests.edge.serving import ask, upstream


@pytest.fixture
def site(tmp_path: Path, p256_key: PrivateKey, rsa_key: PrivateKey) -> Site:
    return followed_site(tmp_path, {OLD: p256_key, NEW: rsa_key})


def test_a_change_is_visible_when_its_delay_has_passed(site: Site) -> None:
    assert [site.ask(OLD, one).status for one in ("near", "far")] == [200, 200]
    site.trust(OLD, NEW)
    assert [site.ask(NEW, one).status for one in ("near", "far")] == [200, 403]
    site.clock.now += 19.9
    assert site.ask(NEW, "far").status == 403
    site.clock.now += 0.1
    assert site.ask(NEW, "far").status == 200


def test_changes_arrive_one_after_the_other(site: Site) -> None:
    site.trust(OLD, NEW)
    site.clock.now += 10
    site.trust(NEW)
    assert [site.ask(OLD, one).status for one in ("near", "far")] == [403, 200]
    site.clock.now += 10
    assert [site.ask(key, "far").status for key in (OLD, NEW)] == [200, 200]
    site.clock.now += 10
    assert [site.ask(key, "far").status for key in (OLD, NEW)] == [403, 200]


def test_the_first_location_answers_who_names_none(site: Site) -> None:
    site.trust(NEW)
    answer = site.ask(NEW, None)
    assert (answer.status, answer.header("x-amz-cf-pop")) == (200, "near")
    answer = site.ask(NEW, "far")
    assert (answer.status, answer.header("x-amz-cf-pop")) == (403, "far")


@pytest.mark.parametrize("name", ["", "Near", "nowhere", "near, far", "<b>"])
def test_an_unknown_location_is_refused(site: Site, name: str) -> None:
    assert site.ask(OLD, name).status == 400


def test_two_locations_in_one_request_are_refused(site: Site) -> None:
    twice = [(b"x-edge-location", b"near"), (b"x-edge-location", b"far")]
    assert ask(EdgeApp(site.locations), "/a.txt", headers=twice).status == 400


def test_a_fixed_distribution_has_no_locations(site: Site) -> None:
    app = EdgeApp(site.api.distribution)
    answer = ask(app, "/a.txt", headers=[(b"x-edge-location", b"anything")])
    assert (answer.status, answer.header("x-amz-cf-pop")) == (403, "LOCAL1-P1")


def test_the_origin_never_sees_the_choice_of_a_location() -> None:
    seen: list[bytes] = []

    async def origin(scope: Scope, _receive: Receive, send: Send) -> None:
        seen.extend(name for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with upstream(origin) as url:
        public = Distribution(
            origins={"backend": HttpOrigin(url)}, default_behavior=Behavior(origin="backend")
        )
        locations = Locations(lambda: public, [NEAR])
        asyncio.run(locations.refresh())
        chosen = [(b"x-edge-location", b"near"), (b"x-other", b"1")]
        assert ask(EdgeApp(locations), "/", headers=chosen).status == 200
    assert b"x-other" in seen
    assert b"x-edge-location" not in seen


def test_an_origin_may_change_with_a_version(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("moved")
    app = EdgeApp(site.locations, clock=site.clock)
    query = site.url("http://edge.test", OLD).partition("?")[2]
    moved = replace(site.api.distribution, origins={"folder": FolderOrigin(other)})
    site.api.distribution = moved
    asyncio.run(site.locations.refresh())
    bodies = [
        ask(app, "/a.txt", query, headers=[(b"x-edge-location", name)]).body
        for name in (b"near", b"far", b"near")
    ]
    assert bodies == [b"moved", b"hello", b"moved"]


def test_verifiers_are_built_once_a_version(site: Site) -> None:
    before = site.locations.at("near")
    asyncio.run(site.locations.refresh())
    after, elsewhere = site.locations.at("near"), site.locations.at("far")
    assert before is after is not None
    assert elsewhere is not None
    assert elsewhere.gatekeeper is after.gatekeeper


def test_a_key_that_is_read_again_is_the_same_key(site: Site) -> None:
    for _ in range(3):
        pem = site.keys[OLD].public_key().to_pem()
        groups = {"viewers": TrustedKeyGroup(keys={OLD: PublicKey.from_pem(pem)}, name="viewers")}
        site.api.distribution = replace(site.api.distribution, key_groups=groups)
        assert asyncio.run(site.locations.refresh()) == 1


@pytest.mark.parametrize("works", [True, False])
def test_a_server_starts_and_stops_it_by_asgi_lifespan(site: Site, works: bool) -> None:
    if not works:
        site.api.failure = RemoteError("cloudfront_missing", "there is no such distribution")
    told: list[Message] = []
    asked: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Message:
        return asked.pop(0)

    async def send(message: Message) -> None:
        told.append(message)

    asyncio.run(EdgeApp(site.locations)({"type": "lifespan"}, receive, send))
    complete = [{"type": f"lifespan.{one}.complete"} for one in ("startup", "shutdown")]
    failed = {"type": "lifespan.startup.failed", "message": "there is no such distribution"}
    assert told == (complete if works else [failed])


def test_versions_that_nobody_serves_are_forgotten(site: Site) -> None:
    for _ in range(5):
        site.clock.now += 21
        site.trust(NEW)
        site.clock.now += 21
        site.trust(OLD)
    assert len(site.locations._versions) == 2


def test_progress_tells_how_far_each_location_is(site: Site) -> None:
    begun = site.clock.now
    site.clock.now += 100
    site.trust(OLD, NEW)
    site.clock.now += 5
    progress = site.locations.progress()
    near, far = progress.locations
    assert (progress.newest, progress.problem) == (2, None)
    assert (near.version, near.since, near.catches_up) == (2, begun + 100, None)
    assert (far.version, far.since, far.catches_up) == (1, begun, begun + 120)
    assert near.trusted == {"viewers": (OLD, NEW)}
    assert far.trusted == {"viewers": (OLD,)}


def test_an_outage_keeps_the_last_configuration(site: Site) -> None:
    site.api.failure = RemoteError("cloudfront_unavailable", "CloudFront did not answer")
    with pytest.raises(RemoteError):
        asyncio.run(site.locations.refresh())
    assert site.ask(OLD, "far").status == 200
    assert site.locations.progress().problem == "CloudFront did not answer"
    site.api.failure = None
    asyncio.run(site.locations.refresh())
    assert site.locations.progress().problem is None


def test_an_unexpected_failure_is_told_by_its_kind_only(site: Site) -> None:
    site.api.failure = OSError("a text with a secret")
    with pytest.raises(RemoteError) as caught:
        asyncio.run(site.locations.refresh())
    assert "secret" not in str(caught.value)
    assert site.locations.progress().problem == "unexpected OSError"


def test_the_poller_outlives_an_outage(site: Site) -> None:
    async def story() -> int:
        site.api.failure = RemoteError("cloudfront_unavailable", "CloudFront did not answer")
        with pytest.raises(RemoteError):
            await site.locations.start()
        site.api.failure = None
        await site.locations.start()
        site.api.failure = OSError()
        reads = site.api.reads
        while site.api.reads < reads + 3:  # noqa: ASYNC110 - the reads are made in a thread
            await asyncio.sleep(0.01)
        site.api.failure = None
        site.change(NEW)
        await site.locations.caught_up("near", 2)
        await site.locations.stop()
        return site.locations.progress().newest

    assert asyncio.run(asyncio.wait_for(story(), 20)) == 2


def test_waiting_for_a_location_to_catch_up(site: Site) -> None:
    async def story() -> None:
        site.change(NEW)
        version = await site.locations.refresh()
        await site.locations.caught_up("near", version)
        waiting = asyncio.ensure_future(site.locations.caught_up("far", version))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        site.clock.now += 20
        await waiting

    asyncio.run(asyncio.wait_for(story(), 20))
    with pytest.raises(ConfigurationError):
        asyncio.run(site.locations.caught_up("nowhere", 1))


@pytest.mark.parametrize(
    "locations",
    [[], [NEAR, EdgeLocation("near", 5)]],
    ids=["none", "two of one name"],
)
def test_locations_need_names_of_their_own(locations: list[EdgeLocation]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Locations(lambda: pytest.fail("was read"), locations)
    assert caught.value.code == "edge_location"


@pytest.mark.parametrize("name", ["", "-", "a b", "a\r\nx: y", "a" * 33, "é"])
def test_a_location_has_a_name_that_fits_a_header(name: str) -> None:
    with pytest.raises(ConfigurationError):
        EdgeLocation(name)


@pytest.mark.parametrize("delay", [-1, float("nan"), float("inf"), 86_401])
def test_a_delay_is_at_most_a_day(delay: float) -> None:
    with pytest.raises(ConfigurationError):
        EdgeLocation("far", delay)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_there_is_time_between_two_reads(seconds: float) -> None:
    with pytest.raises(ConfigurationError):
        Locations(lambda: pytest.fail("was read"), [NEAR], poll_seconds=seconds)


def test_a_server_that_cannot_read_its_configuration_does_not_start() -> None:
    def unreadable() -> Distribution:
        raise RemoteError("cloudfront_missing", "there is no such distribution")

    server = EdgeServer(Locations(unreadable, [NEAR]), port=0, inspector_port=0)
    with pytest.raises(RemoteError):
        asyncio.run(server.start())
    assert server.url == ""


def test_a_source_says_whether_to_serve_tls(site: Site, tmp_path: Path) -> None:
    missing = ViewerCertificate(tmp_path / "cert.pem", tmp_path / "key.pem")
    site.api.distribution = replace(site.api.distribution, viewer_certificate=missing)
    server = EdgeServer(Locations(site.api.read, [NEAR]), port=0)
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(server.start())
    assert caught.value.code == "edge_certificate"
