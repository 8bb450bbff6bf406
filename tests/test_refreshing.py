"""A value that is read again when it is old, in a process that forks."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise

import pytest

from signer import refreshing
from signer.errors import RemoteError, SignerError
from signer.refreshing import FIRST_PAUSE, JITTER, LONGEST_PAUSE, Refreshing, StaleError

# A server that loads its program before it forks: another thread is reading at that moment.
FORKING = """
import os, threading
from datetime import timedelta
from signer.refreshing import Refreshing

reading, forked = threading.Event(), threading.Event()

def load():
    reading.set()
    forked.wait(20)
    return os.getpid()

held = Refreshing(load, max_age=timedelta(minutes=1), stale_limit=timedelta(minutes=9))
thread = threading.Thread(target=held.get)
thread.start()
reading.wait(20)
child = os.fork()
if child == 0:
    forked.set()
    print("own" if held.get() == os.getpid() else "the parent's", flush=True)
    os._exit(0)
_, status = os.waitpid(child, 0)
forked.set()
thread.join()
print("both" if status == 0 and held.get() == os.getpid() else "lost")
"""


def made() -> Refreshing[int]:
    return Refreshing(lambda: 1, max_age=timedelta(minutes=5), stale_limit=timedelta(minutes=30))


def test_after_a_fork_no_lock_is_held_and_the_jitter_is_another() -> None:
    full, empty = made(), made()
    full.get()
    before = [(one._lock, one._held) for one in (full, empty)]
    assert full._lock.acquire(blocking=False)
    refreshing._after_fork()
    assert full.get() == 1
    (lock, held), (_, nothing) = before
    assert full._lock is not lock
    assert held is not None
    assert full._held is not None
    assert full._held.due != held.due
    assert (full._held.value, full._held.wall) == (held.value, held.wall)
    assert empty._held is nothing is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_fork_while_another_thread_reads_is_no_deadlock() -> None:
    # Newer Pythons warn of every fork beside threads: that is the case under test.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["own", "both"]


# --- When it is read, and how often after a failure. ----------------------------------------------


class World:
    """Clocks that tests move, and a value that can be read or not."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_800_000_000.0, 5000.0
        self.broken: SignerError | None = None
        self.reads = 0
        self.takes = 0.0
        self.held = Refreshing(
            self.load,
            max_age=timedelta(minutes=5),
            stale_limit=timedelta(minutes=30),
            clock=lambda: self.wall,
            steady_clock=lambda: self.steady,
        )

    def load(self) -> int:
        self.reads += 1
        self.pass_by(self.takes)
        if self.broken is not None:
            raise self.broken
        return self.reads

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def reads_for(self, seconds: int) -> list[int]:
        """Ask every second; return the seconds at which it was read."""
        found = []
        for second in range(seconds):
            before = self.reads
            with contextlib.suppress(SignerError, StaleError):
                self.held.get()
            if self.reads != before:
                found.append(second)
            self.pass_by(1)
        return found


def test_attempts_come_ever_more_seldom_and_begin_anew_after_a_success() -> None:
    world = World()
    world.broken = RemoteError("remote_unreachable", "nobody answers")
    at = world.reads_for(200)
    pauses = [after - before for before, after in pairwise(at)]
    assert at[0] == 0
    assert pauses[0] <= FIRST_PAUSE
    doubling = [min(FIRST_PAUSE * 2**n, LONGEST_PAUSE) for n in range(len(pauses))]
    assert all(0.9 * most <= pause <= most for pause, most in zip(pauses, doubling, strict=True))
    assert doubling[-1] == LONGEST_PAUSE
    world.broken = None
    world.pass_by(LONGEST_PAUSE)
    world.held.get()
    world.broken = RemoteError("remote_unreachable", "nobody answers")
    world.pass_by(400)
    at = world.reads_for(4)
    assert (at[0], at[1]) == (0, FIRST_PAUSE)


def test_a_value_is_as_old_as_the_moment_before_it_was_read() -> None:
    world = World()
    world.takes = 100
    assert world.held.get() == 1
    world.takes = 0
    world.pass_by(5 * 60 * (1 + JITTER) - 100)
    assert world.held.get() == 2


def test_a_reading_that_took_long_is_followed_by_a_pause_all_the_same() -> None:
    world = World()
    world.broken = RemoteError("remote_timeout", "no answer in time")
    world.takes = 2 * FIRST_PAUSE
    for _ in range(2):
        with pytest.raises(RemoteError):
            world.held.get()
    assert world.reads == 1


def test_forgetting_forgets_the_failure_too() -> None:
    world = World()
    world.broken = RemoteError("remote_unreachable", "nobody answers")
    world.reads_for(60)
    world.broken = None
    reads = world.reads
    world.held.forget()
    assert world.held.get() == reads + 1


def test_who_waits_gets_an_error_of_their_own() -> None:
    # One that is raised in several threads would collect the traceback of all of them.
    world = World()
    world.broken = RemoteError("remote_unreachable", "nobody answers", advice="wait", status=503)
    caught = []
    for _ in range(2):
        with pytest.raises(RemoteError) as info:
            world.held.get()
        caught.append(info.value)
    first, second = caught
    assert world.reads == 1
    assert first is not second
    assert (first.code, str(first), first.evidence) == (second.code, str(second), second.evidence)
    assert world.broken.__traceback__ is None


def test_a_clock_that_was_set_back_does_not_lengthen_a_pause() -> None:
    world = World()
    world.broken = RemoteError("remote_unreachable", "nobody answers")
    world.reads_for(120)
    world.steady -= 4000  # a snapshot that was restored
    reads = world.reads
    with pytest.raises(RemoteError):
        world.held.get()
    assert world.reads == reads + 1
