"""A ring in a file: processes that race lose nothing, and one that dies leaves nothing half there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from signer.errors import RotationError
from signer.rotation import ring_store
from signer.rotation.document import to_json
from signer.rotation.ring import Ring
from signer.rotation.ring_store import FileRing
from tests.rotation.ring_documents import FULL

NO_MODES = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")


def at(rev: int) -> Ring:
    return replace(FULL, rev=rev)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(RotationError) as caught:
        call()
    return caught.value.code


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from signer.errors import RotationError
from signer.rotation.ring_store import FileRing
store, won = FileRing(Path(sys.argv[1])), 0
while won < 25:
    ring = store.read()
    try:
        store.write(replace(ring, rev=ring.rev + 1), over=ring.rev)
    except RotationError as error:
        assert error.code == "ring_changed", error
    else:
        won += 1
        print(ring.rev + 1)
"""


def test_processes_that_race_lose_nothing_and_readers_see_whole_rings(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    FileRing(path).write(at(0), over=None)
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    seen = [0]
    while any(writer.poll() is None for writer in writers):
        ring = FileRing(path).read()
        assert ring is not None
        seen.append(ring.rev)
    won = [int(line) for writer in writers for line in writer.communicate()[0].split()]
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert sorted(won) == list(range(1, 76))
    assert seen == sorted(seen)
    assert FileRing(path).read() == at(75)


# A writer that stops for good at some point of its way, and tells when it is there.
STOPPED = """
import os, sys, time
from dataclasses import replace
from pathlib import Path
from signer.rotation.ring_store import FileRing
def stop(*_, **__):
    print("there", flush=True)
    time.sleep(600)
{patched} = stop
store = FileRing(Path(sys.argv[1]))
ring = store.read()
store.write(replace(ring, rev=ring.rev + 1), over=ring.rev)
"""


@pytest.mark.parametrize("patched", ["os.fdopen", "os.fsync", "Path.replace"])
def test_a_killed_writer_leaves_the_old_ring_and_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patched: str
) -> None:
    path = tmp_path / "ring.json"
    FileRing(path).write(at(1), over=None)
    command = [sys.executable, "-c", STOPPED.format(patched=patched), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "there\n"
            monkeypatch.setattr(ring_store, "_PATIENCE", 0.05)
            assert code_of(lambda: FileRing(path).write(at(2), over=1)) == "ring_locked"
            assert FileRing(path).read() == at(1)
        finally:
            writer.kill()
    monkeypatch.undo()
    assert FileRing(path).read() == at(1)
    FileRing(path).write(at(2), over=1)
    assert FileRing(path).read() == at(2)
    assert {one.name for one in tmp_path.iterdir()} == {"ring.json", "ring.json.lock"}


def test_a_full_disk_leaves_the_old_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ring.json"
    FileRing(path).write(at(1), over=None)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert code_of(lambda: FileRing(path).write(at(2), over=1)) == "ring_file"
    monkeypatch.undo()
    assert FileRing(path).read() == at(1)
    assert {one.name for one in tmp_path.iterdir()} == {"ring.json", "ring.json.lock"}


def test_a_file_that_is_no_ring_is_neither_read_nor_written_over(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    whole = to_json(FULL).encode()
    for content in (b"", whole[:1], whole[: len(whole) // 2], whole[:-3], b"\xff" + whole, b"\0"):
        path.write_bytes(content)
        assert code_of(FileRing(path).read) == "ring_document"
        assert code_of(lambda: FileRing(path).write(at(8), over=7)) == "ring_document"
        assert code_of(lambda: FileRing(path).write(at(8), over=None)) == "ring_document"
        assert path.read_bytes() == content


def test_a_file_that_cannot_be_is_told(tmp_path: Path) -> None:
    assert code_of(FileRing(tmp_path).read) == "ring_file"
    nowhere = FileRing(tmp_path / "no" / "ring.json")
    assert nowhere.read() is None
    assert code_of(lambda: nowhere.write(at(0), over=None)) == "ring_file"


@NO_MODES
def test_only_the_owner_may_write_the_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        FileRing(tmp_path / "ring.json").write(at(0), over=None)
        FileRing(tmp_path / "ring.json").write(at(1), over=0)
    finally:
        os.umask(before)
    modes = {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}
    assert modes == {"ring.json": 0o644, "ring.json.lock": 0o600}


@NO_MODES
def test_a_link_stays_a_link_and_shares_the_lock(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "real" / "ring.json")
    FileRing(link).write(at(0), over=None)
    FileRing(tmp_path / "real" / "ring.json").write(at(1), over=0)
    assert link.is_symlink()
    assert FileRing(link).read() == at(1)
    assert {one.name for one in tmp_path.iterdir()} == {"real", "link.json"}
