"""A probe that is a path: the worst that any distribution says of a key is what counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from signer.errors import RotationError
from signer.https import Answer
from signer.rotation.driver import Rotation, Tick
from signer.rotation.ring import HOUR, KeyState
from tests.rotation.world import PROBE_URL, SETTINGS, Call, World

PATH = urlsplit(PROBE_URL).path
UNKNOWN = Answer(403, {"server": "CloudFront"}, b"<Error><Code>InvalidKey</Code></Error>")
REFUSED = Answer(403, {"server": "CloudFront"}, b"<Error><Code>AccessDenied</Code></Error>")


def two_sites() -> tuple[World, Rotation, list[str]]:
    """Return a world whose next key is about to be probed, and its two sites as they are asked."""
    world = World(settings=replace(SETTINGS, probe_url=PATH))
    rotation = world.begin()
    world.cloudfront.add_distribution(rotation.ring().key_group_id or "")
    world.run(rotation, lambda tick: any(tick.ring.in_state(KeyState.PUBLISHED)))
    world.advance(2 * HOUR)
    return (
        world,
        rotation,
        [f"{one.lower()}.cloudfront.net" for one in world.cloudfront.distributions],
    )


def answering(
    world: World, monkeypatch: pytest.MonkeyPatch, said: Callable[[str], Answer | None]
) -> list[str]:
    """Let sites say something else than they would; return the hosts that are asked."""
    answer, asked = world.send, list[str]()

    def send(url: str) -> Answer:
        asked.append(urlsplit(url).netloc)
        return said(url) or answer(url)

    monkeypatch.setattr(world, "send", send)
    return asked


def probed(world: World) -> Tick:
    """Tick once, as a new process."""
    return world.rotation().tick()


@pytest.mark.parametrize("late", [0, 1])
def test_a_key_waits_for_the_last_site_to_know_it(
    monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    world, _, sites = two_sites()
    asked = answering(world, monkeypatch, lambda url: UNKNOWN if sites[late] in url else None)
    coming = probed(world).ring.coming
    assert coming is not None
    assert (coming.state, coming.passes) == (KeyState.PUBLISHED, 0)
    assert set(asked) == set(sites)


@pytest.mark.parametrize("refusing", [0, 1])
@pytest.mark.parametrize("other", [None, UNKNOWN], ids=["accepted", "unknown"])
def test_one_site_that_refuses_a_key_is_enough_to_give_it_up(
    monkeypatch: pytest.MonkeyPatch, refusing: int, other: Answer | None
) -> None:
    world, rotation, sites = two_sites()
    coming = rotation.ring().coming
    assert coming is not None

    def said(url: str) -> Answer | None:
        if f"Key-Pair-Id={coming.public_key_id}" not in url:
            return None
        return REFUSED if sites[refusing] in url else other

    answering(world, monkeypatch, said)
    history = probed(world).ring.history
    assert [one.kid for one in history if one.what.startswith("QUARANTINED")] == [coming.kid]


@pytest.mark.parametrize("blocked", [0, 1])
def test_no_key_is_given_up_where_a_site_refuses_the_signing_key_too(
    monkeypatch: pytest.MonkeyPatch, blocked: int
) -> None:
    world, rotation, sites = two_sites()

    def said(url: str) -> Answer | None:
        return REFUSED if sites[blocked] in url and "Signature" in url else None

    answering(world, monkeypatch, said)
    with pytest.raises(RotationError) as caught:
        probed(world)
    assert caught.value.code == "probe_unclear"
    assert any(rotation.ring().in_state(KeyState.PUBLISHED))


def test_a_site_that_goes_away_meanwhile_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _, sites = two_sites()
    asked = answering(world, monkeypatch, lambda _: None)
    gone = next(iter(world.cloudfront.distributions))
    looks: list[str] = []

    def hook(_service: str, method: str, members: dict[str, Any], do: Call) -> Any:  # noqa: ANN401
        looks.append(members["Id"] if method == "get_distribution" else "")
        # Once it is seen how far it is deployed; then it is listed, and deleted.
        if looks.count(gone) > 1:
            world.cloudfront.distributions.pop(gone, None)
        return do()

    world.hook = hook
    coming = probed(world).ring.coming
    assert coming is not None
    assert (coming.passes, looks.count(gone)) == (1, 2)
    assert set(asked) == {sites[1]}


def test_a_path_needs_no_site(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _, _ = two_sites()
    asked = answering(world, monkeypatch, lambda _: UNKNOWN)
    world.cloudfront.distributions.clear()
    coming = probed(world).ring.coming
    assert coming is not None
    assert (coming.passes, asked) == (1, [])
