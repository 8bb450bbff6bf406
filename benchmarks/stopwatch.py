"""Rates of several contenders, taken in turn so that a busy machine disturbs all of them alike."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

Rates = dict[str, float]
"""What one round measured: a name such as ``rsa.signed_url`` to operations a second."""

_SLICE = 0.05  # seconds one contender runs before the next one has its turn
_BATCH = 0.001  # seconds between two looks at the clock
_THREADS_SLICE = 0.25  # the same as _SLICE, longer because threads take a while to get going
_THREADS_BATCH = 4  # calls of a thread between two looks at the clock
_COARSE = 0.001  # a clock of processor time that ticks slower than this is of no use here


@dataclass(frozen=True, slots=True)
class Contender:
    """Something that is measured by calling it again and again.

    Attributes:
        name: Under which its rate is kept.
        call: Takes one input; the result is thrown away.
        inputs: Used in turn, so that nothing is answered from a cache that users would not have.
    """

    name: str
    call: Callable[[Any], object]
    inputs: Sequence[Any]


def cpu_clock() -> Callable[[], float]:
    """Return the clock of this process's processor time, or the wall clock where that is coarse.

    Processor time leaves out what other processes take, as ``openssl speed`` does.
    """
    resolution = time.get_clock_info("process_time").resolution
    return time.process_time if resolution < _COARSE else time.perf_counter


def interleaved(contenders: Sequence[Contender], seconds: float) -> Rates:
    """Measure contenders on one core in alternating slices of 50 ms.

    Args:
        contenders: They run in this order, again and again.
        seconds: For each of them, after a warm-up.
    """
    clock = cpu_clock()
    runs = [_Run(contender, clock) for contender in contenders]
    for run in runs:
        run.warm_up(min(_SLICE, seconds))
    while waiting := [run for run in runs if run.spent < seconds]:
        for run in waiting:
            run.turn(min(_SLICE, seconds))
    return {run.contender.name: run.calls / run.spent for run in runs}


class _Run:
    """The running account of one contender."""

    def __init__(self, contender: Contender, clock: Callable[[], float]) -> None:
        self.contender = contender
        self.calls = 0
        self.spent = 0.0
        self._clock = clock
        self._inputs = cycle(contender.inputs)
        self._batch = 1

    def warm_up(self, seconds: float) -> None:
        """Run for a while, and learn how many calls fit between two looks at the clock."""
        self.turn(seconds)
        self._batch = max(1, int(_BATCH * self.calls / self.spent))
        self.calls, self.spent = 0, 0.0

    def turn(self, seconds: float) -> None:
        """Run for one slice, at least one batch."""
        call, inputs, batch, clock = self.contender.call, self._inputs, self._batch, self._clock
        started = clock()
        while (spent := clock() - started) < seconds:
            for item in islice(inputs, batch):
                call(item)
            self.calls += batch
        self.spent += spent


def threaded(contender: Contender, counts: Sequence[int], seconds: float) -> dict[int, float]:
    """Measure what several threads do together, by the wall clock.

    Args:
        contender: What each of the threads calls.
        counts: How many threads; the counts take turns.
        seconds: For each count.

    Returns:
        Count to calls a second of all its threads.
    """
    turns = max(1, round(seconds / _THREADS_SLICE))
    totals = dict.fromkeys(counts, 0.0)
    for _ in range(turns):
        for count in counts:
            totals[count] += _together(contender, count, seconds / turns)
    return {count: total / turns for count, total in totals.items()}


def _together(contender: Contender, count: int, seconds: float) -> float:
    start = threading.Barrier(count)

    def work(first: int) -> float:
        inputs = cycle([*contender.inputs[first:], *contender.inputs[:first]])
        contender.call(next(inputs))
        start.wait()
        calls, started = 0, time.perf_counter()
        while (spent := time.perf_counter() - started) < seconds:
            for item in islice(inputs, _THREADS_BATCH):
                contender.call(item)
            calls += _THREADS_BATCH
        return calls / spent

    with ThreadPoolExecutor(count) as pool:
        return sum(pool.map(work, range(count)))


@contextmanager
def on_cores(count: int) -> Iterator[int]:
    """Keep this process and its children on so many cores, where the system can.

    Yields:
        How many cores there are to use, at most ``count``.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield min(count, os.cpu_count() or 1)
        return
    allowed = os.sched_getaffinity(0)
    chosen = sorted(allowed)[-count:]
    os.sched_setaffinity(0, chosen)
    try:
        yield len(chosen)
    finally:
        os.sched_setaffinity(0, allowed)
