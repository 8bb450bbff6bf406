"""Opening a rotation from a URI: which clients are made, when, and for which Region."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from signer.errors import ConfigurationError, RotationError
from signer.rotation.opening import open_rotation
from signer.rotation.ring import Ring
from signer.rotation.ring_store import DynamoDbRing, FileRing
from tests.rotation.fakes import Clock
from tests.rotation.world import SETTINGS, World

Made = list[tuple[str, str | None]]


@pytest.fixture
def world() -> World:
    return World(clock=Clock(1_900_000_000))


@pytest.fixture
def clients(world: World) -> dict[str, Any]:
    return {
        "cloudfront": world.cloudfront,
        "secretsmanager": world.secrets,
        "kms": world.kms,
        "dynamodb": world.dynamodb,
    }


@pytest.fixture
def made(clients: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Made:
    """Return which clients boto3 made, in place of which those of the world are used."""
    made: Made = []

    def client(service: str, region: str | None, **_: float) -> object:
        made.append((service, region))
        return clients[service]

    monkeypatch.setattr("signer.aws_client.make_client", client)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    return made


def test_nothing_is_made_or_asked_when_it_is_opened(made: Made) -> None:
    assert isinstance(open_rotation("dynamodb:rings/r").store, DynamoDbRing)
    assert made == []


def test_each_client_is_made_once_for_its_first_call(made: Made) -> None:
    rotation = open_rotation("dynamodb:rings/r")
    rotation.store.write(Ring(name="r", settings=SETTINGS), over=None)
    assert [service for service, _ in made] == ["dynamodb"]
    while not rotation.tick().ring.started:
        pass
    assert sorted(service for service, _ in made) == ["cloudfront", "dynamodb", "secretsmanager"]


def test_a_ring_in_a_file_needs_no_table(made: Made, tmp_path: Path) -> None:
    rotation = open_rotation(f"file:{tmp_path}/ring.json")
    assert isinstance(rotation.store, FileRing)
    rotation.store.write(Ring(name="r", settings=SETTINGS), over=None)
    rotation.look()
    assert sorted(service for service, _ in made) == ["cloudfront", "secretsmanager"]


def test_clients_that_are_given_are_used(made: Made, clients: dict[str, Any]) -> None:
    rotation = open_rotation("dynamodb:rings/r", clients=clients)
    rotation.store.write(Ring(name="r", settings=SETTINGS), over=None)
    while not rotation.tick().ring.started:
        pass
    assert made == []


def test_all_of_them_share_one_time(clients: dict[str, Any], world: World) -> None:
    rotation = open_rotation("dynamodb:rings/r", clients=clients)
    rotation.store.read()
    assert rotation.aws.time.now() == world.clock.now


@pytest.mark.parametrize(
    ("given", "environment", "region"),
    [
        ("eu-west-1", {"AWS_REGION": "us-east-1"}, "eu-west-1"),
        (None, {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "us-east-1"),
        (None, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        (None, {}, None),
    ],
)
def test_the_region(
    given: str | None,
    environment: dict[str, str],
    region: str | None,
    made: Made,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    open_rotation("dynamodb:rings/r", region=given).store.read()
    assert made == [("dynamodb", region)]


def test_a_client_that_cannot_be_made_is_told_at_the_first_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    rotation = open_rotation("dynamodb:rings/r")
    with pytest.raises(ConfigurationError) as caught:
        rotation.store.read()
    assert caught.value.code == "aws_client"


def test_a_place_that_is_none_is_refused_at_once(made: Made) -> None:
    with pytest.raises(RotationError) as caught:
        open_rotation("s3:bucket")
    assert caught.value.code == "ring_uri"
    assert made == []
