"""Every call of a rotation, hit by every fault, followed by every way to go on.

    python -m tests.rotation.crashes            all single faults, and the report
    python -m tests.rotation.crashes --pairs N  N runs with two faults, the second during recovery

A run is a whole rotation: a key is made, published, tested and switched to; the former one drains,
is removed and deleted. The oracle of :mod:`tests.rotation.world` looks after every single call.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from signer.errors import SignerError
from signer.rotation import orders
from signer.rotation.driver import LEASE_SECONDS, Result
from signer.rotation.ring import DAY, HOUR, Ring, Settings
from tests.rotation.faults import (
    CALLS_DENIED,
    CALLS_LATE,
    MOST_TICKS,
    PRECONDITIONS,
    REFUSALS,
    STALE_READS,
    WRITES,
    DiedError,
    Fault,
    Next,
    Strike,
)
from tests.rotation.world import (
    SETTINGS,
    BrokenPromiseError,
    Call,
    World,
    quick_documents,
    rotated,
    with_schedule,
)


@dataclass
class Report:
    """What many runs came to."""

    runs: int = 0
    calls: int = 0
    by_fault: Counter[str] = field(default_factory=Counter)
    most_calls: int = 0
    most_keys: int = 0
    longest: float = 0.0
    violations: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        self.runs += other.runs
        self.calls += other.calls
        self.by_fault.update(other.by_fault)
        self.most_calls = max(self.most_calls, other.most_calls)
        self.most_keys = max(self.most_keys, other.most_keys)
        self.longest = max(self.longest, other.longest)
        self.violations += other.violations


class Run:
    """One rotation with its faults."""

    def __init__(self, settings: Settings = SETTINGS, *, from_nothing: bool = False) -> None:
        """Let the first key sign; what comes then is counted and may be struck.

        Args:
            settings: Of the ring.
            from_nothing: Begin with an empty ring instead, and end when its first key signs. The
                oracle sees no viewers then: there is no distribution yet.
        """
        # One good probe will do here: a second and a third are the same calls again.
        settings = with_schedule(settings, probes=1)
        self.world = World(settings=settings)
        self.strikes: dict[int, Strike] = {}
        self.methods: list[str] = []
        self.is_over = False
        self._then: Next | None = None
        self._late: dict[int, Call] = {}
        self._stale: dict[str, int] = {}
        self._denied: dict[str, int] = {}
        self._answers: dict[str, list[_Answer]] = {}
        self._former = ""
        if from_nothing:
            self._rotation = self.world.rotation()
            self._rotation.store.write(Ring(name="r", settings=settings), over=None)
        else:
            self._rotation = self.world.begin()
            former = self._rotation.ring().active
            assert former is not None
            self._former = former.kid
        self._began = self.world.clock.now
        self._ticks = 0
        self.world.hook = self._called

    def struck(self, *strikes: Strike) -> Run:
        """Return a run that goes on from here and meets faults; this one stays as it is.

        It is another process that goes on: those that tick remember nothing but AWS's time.
        """
        other = copy.copy(self)
        other.world = self.world.copied()
        other.world.hook = other._called
        other.strikes = {strike.at: strike for strike in strikes}
        other.methods = [*self.methods]
        other._late, other._stale, other._denied = {}, {}, {}
        other._answers = {name: [*answers] for name, answers in self._answers.items()}
        other._rotation = other.world.rotation()
        return other

    def tick(self) -> None:
        """Tick once, whatever comes of it, and let time go on."""
        self._ticks += 1
        if self._ticks > MOST_TICKS:
            raise BrokenPromiseError("it does not come to an end")
        world = self.world
        try:
            tick = self._rotation.tick()
        except (SignerError, DiedError) as error:
            self._go_on(died=isinstance(error, DiedError))
            return
        if self._then is not None:
            self._go_on(died=False)
        self.is_over = rotated(tick.ring, self._former) if self._former else tick.ring.started
        if self.is_over:
            return
        if tick.result is Result.BUSY:
            world.advance(LEASE_SECONDS + 1)
        else:
            world.pass_time(tick)

    def finish(self) -> float:
        """Go through the whole rotation; return how many seconds it took in the world's time."""
        while not self.is_over:
            self.tick()
        self.world.hook = None
        self._deliver(everything=True)
        took = self.world.clock.now - self._began
        self.world.advance(DAY / 2)
        self.world.check_end(self._rotation.ring())
        return took

    def _go_on(self, *, died: bool) -> None:
        """Go on after a fault, as the fault says."""
        then, self._then = self._then, None
        world = self.world
        if then is Next.ABANDONED:
            world.advance(7 * DAY)
        elif then is Next.CANCELLED:
            self._in_peace(lambda: orders.freeze(world.rotation(), "cancelled"))
            self._in_peace(lambda: world.rotation().tick())
            world.advance(DAY)
            self._in_peace(lambda: orders.unfreeze(world.rotation()))
        elif then is Next.REPEAT or died:
            world.advance(LEASE_SECONDS + 1)
        else:
            world.advance(1)
        if died or then not in {Next.RETRY, Next.DUPLICATE, None}:
            self._rotation = world.rotation()

    def _in_peace(self, act: Callable[[], object]) -> object:
        """Do something that no fault meets."""
        hook, self.world.hook = self.world.hook, None
        try:
            return act()
        finally:
            self.world.hook = hook

    def _called(self, service: str, method: str, members: dict[str, Any], call: Call) -> object:
        index = len(self.methods)
        self.methods.append(method)
        self._deliver()
        name = f"{service}.{method}({members})"
        strike = self.strikes.get(index)
        if strike is None or not strike.fault.fits(method):
            return self._answered(name, method, call)
        self._then = strike.then
        if strike.then is Next.DUPLICATE:
            self._in_peace(lambda: self.world.rotation().tick())
        return self._struck(strike.fault, name, method, call)

    def _struck(self, fault: Fault, name: str, method: str, call: Call) -> object:
        if fault in {Fault.DIES_AFTER, Fault.ERROR_WITH_EFFECT}:
            call()
        if fault in {Fault.DIES_BEFORE, Fault.DIES_AFTER}:
            raise DiedError
        if fault is Fault.STALE:
            self._stale[name] = STALE_READS
            return self._answered(name, method, call)
        if fault is Fault.TIMEOUT:
            if method in WRITES:
                self._late[len(self.methods) + CALLS_LATE] = call
            raise ReadTimeoutError(endpoint_url="https://aws.example")
        if fault is Fault.DENIED:
            self._denied[method] = len(self.methods) + CALLS_DENIED
        code = PRECONDITIONS.get(method, "") if fault is Fault.PRECONDITION else REFUSALS[fault]
        raise self.world.clock.refused(method, code)

    def _answered(self, name: str, method: str, call: Call) -> object:
        """Answer as AWS would now, or as it would have before."""
        if self._denied.get(method, 0) > len(self.methods):
            raise self.world.clock.refused(method, "AccessDeniedException", 403)
        if method in WRITES:
            return call()
        known = self._answers.setdefault(name, [])
        if self._stale.get(name) and len(known) > 1:
            self._stale[name] -= 1
            return known[-2].again(self.world)
        try:
            answer = call()
        except ClientError as error:
            _remember(known, _Answer(repr(error), {}, error))
            raise
        told = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
        _remember(known, _Answer(repr(told), told))
        return answer

    def _deliver(self, *, everything: bool = False) -> None:
        """Let calls whose answer was lost take effect."""
        for due in [one for one in self._late if everything or one <= len(self.methods)]:
            with contextlib.suppress(ClientError):  # of which nobody hears
                self._late.pop(due)()


@dataclass(frozen=True)
class _Answer:
    """What AWS answered once."""

    shown: str
    members: dict[str, Any]
    error: ClientError | None = None

    def again(self, world: World) -> Any:  # noqa: ANN401 - an answer of AWS
        if self.error is not None:
            raise self.error
        return world.clock.answer(**self.members)


def _remember(known: list[_Answer], answer: _Answer) -> None:
    """Keep an answer if it differs from the last one."""
    if not known or known[-1].shown != answer.shown:
        known.append(answer)


def clean_run(settings: Settings = SETTINGS, *, from_nothing: bool = False) -> Run:
    """Return a rotation in which nothing happens: it tells what calls there are."""
    run = Run(settings, from_nothing=from_nothing)
    run.finish()
    return run


def singles(methods: list[str]) -> Iterator[Strike]:
    """Return every fault at every call with every way to go on."""
    for at, method in enumerate(methods):
        for fault in Fault:
            if fault.fits(method):
                for then in Next:
                    yield Strike(at, fault, then)


def pairs(methods: list[str], count: int, seed: int) -> Iterator[tuple[Strike, Strike]]:
    """Return two faults in one run, the second one soon after the first."""
    chance = random.Random(seed)
    every = list(singles(methods))
    for _ in range(count):
        first, other = chance.choice(every), chance.choice(every)
        yield first, Strike(first.at + chance.randrange(1, 40), other.fault, other.then)


def run_all(cases: Iterable[tuple[Strike, ...]], clean: Run | None = None) -> Report:
    """Run cases; a violation is noted and the others go on.

    Args:
        cases: The faults of each.
        clean: At the beginning of a rotation; an ordinary one when None.

    What comes before the first fault is the same for all: each tick of a clean run is gone through
    once, and the cases that strike in it go on from its beginning.
    """
    report = Report()
    waiting = sorted(cases, key=lambda strikes: min(one.at for one in strikes))
    waiting.reverse()
    clean = clean or Run()
    while waiting:
        before = clean.struck()
        clean.tick()
        while waiting and min(one.at for one in waiting[-1]) < len(clean.methods):
            strikes = waiting.pop()
            _run(before.struck(*strikes), strikes, report)
    return report


def _run(run: Run, strikes: tuple[Strike, ...], report: Report) -> None:
    report.runs += 1
    report.by_fault.update(strike.fault.name for strike in strikes)
    calls = run.world.calls
    try:
        took = run.finish()
    except (BrokenPromiseError, SignerError) as error:
        report.violations.append(f"{', '.join(map(str, strikes))}: {error!r}")
        return
    report.calls += run.world.calls - calls
    report.longest = max(report.longest, took)
    report.most_calls = max(report.most_calls, len(run.methods))
    report.most_keys = max(report.most_keys, run.world.most_keys)


def main() -> None:
    """Run the matrix and print its report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, metavar="N", help="N runs with two faults each")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with quick_documents():
        report, clean = _report(options)
    lines = [
        f"a rotation without faults: {len(clean.methods)} calls, {clean.world.most_keys} keys",
        f"runs {report.runs}, calls checked {report.calls}",
        *(f"  {name:<18}{count:>7}" for name, count in sorted(report.by_fault.items())),
        f"violations {len(report.violations)}",
        f"worst: {report.most_calls} calls, {report.longest / HOUR:.1f} h, {report.most_keys} keys",
        *report.violations[:20],
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(1 if report.violations else 0)


def _report(options: argparse.Namespace) -> tuple[Report, Run]:
    clean = clean_run()
    cases: Iterable[tuple[Strike, ...]] = ((one,) for one in singles(clean.methods))
    if options.pairs:
        cases = pairs(clean.methods, options.pairs, options.seed)
    return run_all(cases), clean


if __name__ == "__main__":
    main()
