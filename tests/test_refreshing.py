"""A value that is read again when it is old, in a process that forks."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from signer import refreshing
from signer.refreshing import Refreshing

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
