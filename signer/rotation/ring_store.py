"""Where the ring document lies: one item of a DynamoDB table, or one file.

Whoever writes it names the revision that it read. Where another one is there by then, nothing is
written: of all that read the same revision, one writes the next.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Final, Protocol, TypeVar

from signer.errors import PassingError, RotationError, excerpt
from signer.rotation.aws_calls import AwsCalls, ServerTime
from signer.rotation.document import from_json, to_json
from signer.rotation.ring import Ring

DEFAULT_NAME: Final = "signing-keys"

_PLACE = re.compile(r"(?P<table>[A-Za-z0-9_.-]{3,255})(?:/(?P<name>[A-Za-z0-9_-]{1,64}))?")
"""AWS page of a table's name: "Naming rules and data types" (HowItWorks.NamingRulesDataTypes)."""

_PATIENCE: Final = 10.0
_PAUSE: Final = 0.01
_TABLE_TRIES: Final = 60
_TABLE_PAUSE: Final = 1.0


_Done = TypeVar("_Done")


class RingStore(Protocol):
    """A place for one ring document."""

    def read(self) -> Ring | None:
        """Return what is written there; None where nothing is.

        Raises:
            RotationError: ``ring_document``; see :func:`signer.rotation.document.from_json`.
        """
        ...

    def write(self, ring: Ring, *, over: int | None) -> None:
        """Put a ring in the place of the one that was read.

        Args:
            ring: What to write, with a higher revision.
            over: The revision that must be there now; None: nothing may be there.

        Raises:
            RotationError: ``ring_changed``: something else is there; nothing was written.
                ``ring_revision``: the revision is not higher. ``ring_document``: it could not be
                read again.
        """
        ...


def open_ring(uri: str, *, client: object, time: ServerTime) -> RingStore:
    """Return the store that a URI names; nothing is asked yet.

    Args:
        uri: ``file:PATH`` or ``dynamodb:TABLE/NAME``; the name is ``signing-keys`` where there is
            none.
        client: boto3's client of DynamoDB, or one like it.
        time: Learns AWS's time from the answers.

    Raises:
        RotationError: ``ring_uri``: it is neither, or what it names cannot be one.
    """
    scheme, _, place = uri.partition(":")
    if scheme == "file" and place:
        # An unknown user's home folder; what no path can have.
        with contextlib.suppress(RuntimeError, ValueError):
            path = Path(place).expanduser()
            if b"\0" not in os.fsencode(path):
                return FileRing(path)
    named = _PLACE.fullmatch(place) if scheme == "dynamodb" else None
    if named is None:
        raise RotationError(
            "ring_uri",
            f"{excerpt(uri)} is not a place for a ring",
            advice="use file:PATH, or dynamodb:TABLE/NAME with the names alone, no ARN",
        )
    return DynamoDbRing(named["table"], named["name"] or DEFAULT_NAME, client, time)


class DynamoDbRing:
    """One item of a DynamoDB table: ``name`` (its key), ``rev`` and ``document``.

    Reads are strongly consistent, writes are conditional. An answer that is lost on its way makes
    boto3 ask again, and the second try finds the first one's revision: ``ring_changed`` may be
    told for a ring that was written. Whoever hears it reads anew.

    IAM actions: ``dynamodb:GetItem`` and ``dynamodb:PutItem`` on the table;
    ``dynamodb:CreateTable`` and ``dynamodb:DescribeTable`` for :meth:`create_table` only.
    """

    def __init__(self, table: str, name: str, client: object, time: ServerTime) -> None:
        """Remember which item.

        Args:
            table: Name of the table, whose partition key is the text ``name``.
            name: The item's ``name``; one table may have many rings.
            client: boto3's client of DynamoDB, or one like it.
            time: Learns AWS's time from the answers.
        """
        self._table = table
        self._name = name
        self._ask = AwsCalls(client, "dynamodb", time)

    def read(self) -> Ring | None:
        """Return what is written there; see :class:`RingStore`.

        Raises:
            RotationError: ``ring_document``; ``ring_table``: there is no such table;
                ``aws_denied``.
            RemoteError: ``aws_error``: DynamoDB did not answer.
        """
        answer = self._ask.unless(
            ("ResourceNotFoundException",),
            "get_item",
            TableName=self._table,
            Key={"name": {"S": self._name}},
            ConsistentRead=True,
        )
        if answer is None:
            raise RotationError(
                "ring_table",
                f"there is no table {self._table} in this account and Region",
                advice="check the name and the Region, or make it with: signer rotate init",
            )
        item = answer.get("Item")
        if not item:
            return None
        ring = from_json(_attribute(item, "document", "S"))
        if _attribute(item, "rev", "N") != str(ring.rev):
            raise RotationError(
                "ring_document",
                "the ring document's rev is not that of its item",
                advice="somebody changed the item by hand: make both the same",
                field="rev",
            )
        return ring

    def write(self, ring: Ring, *, over: int | None) -> None:
        """Put a ring in the place of the one that was read; see :class:`RingStore`.

        Raises:
            RotationError: ``ring_changed``, ``ring_revision``, ``ring_document``; ``aws_denied``.
            RemoteError: ``aws_error``: DynamoDB did not answer; the ring may be written or not.
        """
        document = _document(ring, over)
        item = {
            "name": {"S": self._name},
            "rev": {"N": str(ring.rev)},
            "document": {"S": document},
        }
        answer = self._ask.unless(
            ("ConditionalCheckFailedException",),
            "put_item",
            TableName=self._table,
            Item=item,
            **_condition(over),
        )
        if answer is None:
            raise _changed(over)

    def create_table(self) -> None:
        """Make the table, paid by request, and wait until it can be used; done if it is there.

        Raises:
            RotationError: ``ring_table``: it is not ready after a minute; ``aws_denied``.
            RemoteError: ``aws_error``: DynamoDB did not answer.
        """
        self._ask.unless(
            ("ResourceInUseException",),
            "create_table",
            TableName=self._table,
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for left in reversed(range(_TABLE_TRIES)):
            if self._table_is_ready():
                return
            if left:
                sleep(_TABLE_PAUSE)
        raise RotationError(
            "ring_table",
            f"the table {self._table} is not ready yet",
            advice="try again in a few minutes",
        )

    def _table_is_ready(self) -> bool:
        # AWS page "DescribeTable": right after CreateTable it may not be found yet.
        answer = self._ask.unless(
            ("ResourceNotFoundException",), "describe_table", TableName=self._table
        )
        return answer is not None and answer.get("Table", {}).get("TableStatus") == "ACTIVE"


class FileRing:
    """One file, for those who have no DynamoDB. All that rotate the ring run as one user.

    It is replaced as a whole, so that a reader sees one revision or the next, and a writer that
    is killed leaves the one before. Writers take turns by a lock on the file ``PATH.lock``, which
    the operating system gives back whatever becomes of them; that file stays. The folder has to be
    on a disk of this machine: not every network drive keeps locks.
    """

    def __init__(self, path: Path) -> None:
        """Remember which file.

        Args:
            path: The file; a link to it is followed.
        """
        self._path = path

    def read(self) -> Ring | None:
        """Return what is written there; see :class:`RingStore`.

        Raises:
            RotationError: ``ring_document``; ``ring_file``: the file cannot be read.
        """
        with _told("read", self._path):
            try:
                # A document is ASCII. Decoding strictly would hang the content on the error.
                text = _patiently(self._path.read_bytes).decode("ascii", errors="replace")
            except FileNotFoundError:
                return None
        return from_json(text if text.isascii() else "")

    def write(self, ring: Ring, *, over: int | None) -> None:
        """Put a ring in the place of the one that was read; see :class:`RingStore`.

        Raises:
            RotationError: ``ring_changed``, ``ring_revision``, ``ring_document``; ``ring_file``:
                the file cannot be written; ``ring_locked``: another writer holds the lock for ten
                seconds.
        """
        document = _document(ring, over)
        with _told("written", self._path):
            # One file has one lock, whichever link names it.
            path = Path(os.path.realpath(self._path))
            with _locked(path.with_name(f"{path.name}.lock")):
                there = FileRing(path).read()
                if (None if there is None else there.rev) != over:
                    raise _changed(over)
                _replace(path, document)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that the operating system gives back when this process ends, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        until = monotonic() + _PATIENCE
        while not _try_lock(descriptor):
            if monotonic() > until:
                raise RotationError(
                    "ring_locked",
                    f"another process is writing the ring; it holds {path}",
                    advice="try again; if it stays so, look which process has the file open",
                )
            sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - there is one on Windows only

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - there is none on Windows

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _replace(path: Path, text: str) -> None:
    """Replace a file by one that is on the disk already."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)  # what a writer left that was killed
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _patiently(lambda: new.replace(path))
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":
        # The ring is written. Some file systems cannot be asked to keep its new place as well.
        with contextlib.suppress(OSError):
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _patiently(act: Callable[[], _Done]) -> _Done:
    """Do something when nobody is in its way.

    Windows refuses to replace a file while it is open, and to open one while it is replaced.
    """
    until = monotonic() + _PATIENCE
    while True:
        try:
            return act()
        except PermissionError:
            if sys.platform != "win32" or monotonic() > until:
                raise
        sleep(_PAUSE)


@contextlib.contextmanager
def _told(done: str, path: Path) -> Iterator[None]:
    """Tell what the operating system refuses."""
    try:
        yield
    except OSError as error:
        raise RotationError(
            "ring_file", f"the ring's file {path} cannot be {done}: {error.strerror}"
        ) from None


def _document(ring: Ring, over: int | None) -> str:
    """Return what to write, once it is sure that it can be read again."""
    if over is not None and ring.rev <= over:
        raise RotationError("ring_revision", f"the revision {ring.rev} does not follow {over}")
    document = to_json(ring)
    from_json(document)
    return document


def _condition(over: int | None) -> dict[str, object]:
    if over is None:
        return {
            "ConditionExpression": "attribute_not_exists(#name)",
            "ExpressionAttributeNames": {"#name": "name"},
        }
    return {
        "ConditionExpression": "#rev = :rev",
        "ExpressionAttributeNames": {"#rev": "rev"},
        "ExpressionAttributeValues": {":rev": {"N": str(over)}},
    }


def _attribute(item: Mapping[str, Mapping[str, object]], name: str, kind: str) -> str:
    value = item.get(name, {}).get(kind)
    if not isinstance(value, str):
        raise RotationError("ring_document", f"the ring's item has no {name}", field=name)
    return value


def _changed(over: int | None) -> RotationError:
    there = "there is a ring already" if over is None else f"the ring is not at revision {over} now"
    return PassingError(
        "ring_changed", there, advice="somebody else wrote it; read it again", revision=over
    )
