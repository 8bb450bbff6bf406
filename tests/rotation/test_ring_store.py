"""Where the ring lies: of all that write over one revision one wins, and nothing is ever half there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from signer.errors import RemoteError, RotationError
from signer.rotation import ring_store
from signer.rotation.aws_calls import ServerTime
from signer.rotation.document import to_json
from signer.rotation.ring import Event, Ring
from signer.rotation.ring_store import DynamoDbRing, FileRing, RingStore, open_ring
from tests.ministack_cloud import Cloud, running_cloud
from tests.rotation.fakes.clock import Clock
from tests.rotation.fakes.dynamodb import FakeDynamoDb
from tests.rotation.ring_documents import FULL

MINISTACK = [pytest.mark.ministack]


def at(rev: int, *events: Event) -> Ring:
    return replace(FULL, rev=rev, history=events)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises((RotationError, RemoteError)) as caught:
        call()
    return caught.value.code


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as running:
        yield running


@pytest.fixture(params=["file", "fake", pytest.param("ministack", marks=MINISTACK)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], RingStore]:
    """Return what opens the one place once more."""
    if request.param == "file":
        return lambda: FileRing(tmp_path / "ring.json")
    clock = Clock()
    client: Any = FakeDynamoDb(clock)
    if request.param == "fake":
        client.seconds_to_create = 0
    else:
        client = request.getfixturevalue("cloud").client("dynamodb")
    table = f"rings-{uuid4().hex}"
    DynamoDbRing(table, "media", client, ServerTime(clock)).create_table()
    return lambda: DynamoDbRing(table, "media", client, ServerTime(clock))


def test_what_is_written_is_read_by_the_next_one(make: Callable[[], RingStore]) -> None:
    assert make().read() is None
    make().write(at(0), over=None)
    assert make().read() == at(0)
    make().write(at(1), over=0)
    make().write(at(5), over=1)
    assert make().read() == at(5)


def test_nothing_is_written_over_another_revision(make: Callable[[], RingStore]) -> None:
    assert code_of(lambda: make().write(at(1), over=0)) == "ring_changed"
    assert make().read() is None
    make().write(at(1), over=None)
    for over in (None, 0, 2):
        assert code_of(lambda over=over: make().write(at(9), over=over)) == "ring_changed"  # type: ignore[misc]
    assert make().read() == at(1)


def test_a_revision_is_never_used_again(make: Callable[[], RingStore]) -> None:
    make().write(at(4), over=None)
    for rev in (3, 4):
        assert code_of(lambda rev=rev: make().write(at(rev), over=4)) == "ring_revision"  # type: ignore[misc]
    assert make().read() == at(4)


def test_what_could_not_be_read_again_is_not_written(make: Callable[[], RingStore]) -> None:
    odd = replace(FULL, rev=1, frozen=7)  # type: ignore[arg-type]
    assert code_of(lambda: make().write(odd, over=None)) == "ring_document"
    assert make().read() is None


def test_of_threads_that_write_over_one_revision_one_wins(make: Callable[[], RingStore]) -> None:
    make().write(at(0), over=None)
    together = threading.Barrier(4)

    def write(who: int, rev: int) -> bool:
        store = make()
        together.wait()
        with contextlib.suppress(RotationError):
            store.write(at(rev, Event(rev, "k", str(who))), over=rev - 1)
            return True
        return False

    with ThreadPoolExecutor(4) as pool:
        for rev in range(1, 12):
            won = list(pool.map(write, range(4), [rev] * 4))
            assert won.count(True) == 1
            assert make().read() == at(rev, Event(rev, "k", str(won.index(True))))


class Recorded:
    """A client that notes which of its methods are called, and may fail instead."""

    def __init__(self, client: object, failure: Exception | None = None) -> None:
        self._client = client
        self._failure = failure
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**members: object) -> object:
            self.called.append(name)
            if self._failure is not None:
                raise self._failure
            return getattr(self._client, name)(**members)

        return call


@pytest.fixture
def fake() -> FakeDynamoDb:
    made = FakeDynamoDb(Clock())
    made.seconds_to_create = 0
    return made


def in_table(client: object, name: str = "media") -> DynamoDbRing:
    return DynamoDbRing("rings", name, client, ServerTime(lambda: 0))


def test_what_is_called_is_what_the_role_needs(fake: FakeDynamoDb) -> None:
    client = Recorded(fake)
    store = in_table(client)
    store.create_table()
    assert client.called == ["create_table", "describe_table"]
    client.called.clear()
    store.write(at(0), over=None)
    store.read()
    assert client.called == ["put_item", "get_item"]
    for action in ("GetItem", "PutItem", "CreateTable", "DescribeTable"):
        assert f"dynamodb:{action}" in str(DynamoDbRing.__doc__)


def test_the_item_has_name_revision_and_document(fake: FakeDynamoDb) -> None:
    store = in_table(fake)
    store.create_table()
    store.write(at(3), over=None)
    in_table(fake, "other").write(at(0), over=None)
    assert fake.tables["rings"].items["media"] == {
        "name": {"S": "media"},
        "rev": {"N": "3"},
        "document": {"S": to_json(at(3))},
    }
    assert store.read() == at(3)


def test_the_time_is_learned_from_the_answers(fake: FakeDynamoDb) -> None:
    fake.clock.now = 1_900_000_000
    time = ServerTime(lambda: 0)
    store = DynamoDbRing("rings", "media", fake, time)
    store.create_table()
    store.read()
    assert time.now() == 1_900_000_000


@pytest.mark.parametrize(
    "changed",
    [
        {"rev": {"N": "2"}},
        {"rev": {"S": "0"}},
        {"rev": {}},
        {"document": {"S": ""}},
        {"document": {"N": "1"}},
        {"document": {"S": "{}"}},
    ],
    ids=str,
)
def test_an_item_that_was_changed_by_hand_is_refused(
    fake: FakeDynamoDb, changed: dict[str, Any]
) -> None:
    store = in_table(fake)
    store.create_table()
    store.write(at(0), over=None)
    fake.tables["rings"].items["media"].update(changed)
    assert code_of(store.read) == "ring_document"


def test_a_table_that_is_not_there_is_told(fake: FakeDynamoDb) -> None:
    assert code_of(in_table(fake).read) == "ring_table"
    assert code_of(lambda: in_table(fake).write(at(0), over=None)) == "aws_error"


@pytest.mark.parametrize(
    ("error", "code"),
    [("AccessDeniedException", "aws_denied"), ("InternalServerError", "aws_error")],
)
def test_what_aws_refuses_is_told(fake: FakeDynamoDb, error: str, code: str) -> None:
    store = in_table(Recorded(fake, fake.clock.refused("Any", error)))
    for call in (store.read, store.create_table, lambda: store.write(at(0), over=None)):
        assert code_of(call) == code


def test_a_new_table_is_waited_for(fake: FakeDynamoDb, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.seconds_to_create = 20
    monkeypatch.setattr(ring_store, "sleep", fake.clock.advance)
    in_table(fake).create_table()
    in_table(fake).write(at(0), over=None)
    # Once it is there, neither waiting nor making goes on.
    before = fake.clock.now
    in_table(fake).create_table()
    assert fake.clock.now == before
    assert in_table(fake).read() == at(0)


def test_a_table_that_never_is_ready_is_told(
    fake: FakeDynamoDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.seconds_to_create = 3600
    began = fake.clock.now
    monkeypatch.setattr(ring_store, "sleep", fake.clock.advance)
    assert code_of(in_table(fake).create_table) == "ring_table"
    assert 30 <= fake.clock.now - began <= 120


def test_a_uri_names_a_store(tmp_path: Path, fake: FakeDynamoDb) -> None:
    time = ServerTime(lambda: 0)
    store = open_ring(f"file:{tmp_path / 'ring.json'}", client=None, time=time)
    store.write(at(0), over=None)
    assert FileRing(tmp_path / "ring.json").read() == at(0)
    for uri, name in [("dynamodb:rings", "signing-keys"), ("dynamodb:rings/m_1", "m_1")]:
        in_dynamodb = open_ring(uri, client=fake, time=time)
        assert isinstance(in_dynamodb, DynamoDbRing)
        in_dynamodb.create_table()
        in_dynamodb.write(at(0), over=None)
        assert name in fake.tables["rings"].items


def test_a_users_home_folder_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    open_ring("file:~/ring.json", client=None, time=ServerTime(lambda: 0)).write(at(0), over=None)
    assert FileRing(tmp_path / "ring.json").read() == at(0)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "ring.json",
        "file:",
        "file:a\0b",
        "file:\udfff\ud800",
        "file:~nobody-of-this-name/ring.json",
        "dynamodb:",
        "dynamodb:ab",
        "dynamodb:rings/",
        "dynamodb:rings/a/b",
        "dynamodb:rings/ä",
        "dynamodb:rings\n",
        "dynamodb:arn:aws:dynamodb:eu-central-1:111122223333:table/rings",
        "s3:bucket/ring.json",
        "FILE:ring.json",
    ],
)
def test_a_uri_that_names_none_is_refused(uri: str, fake: FakeDynamoDb) -> None:
    time = ServerTime(lambda: 0)
    assert code_of(lambda: open_ring(uri, client=fake, time=time)) == "ring_uri"
