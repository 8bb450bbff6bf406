"""One tick: look, plan one step, take it, write it down.

Ticks may run at the same moment, die anywhere, and be started again by whoever likes to. A lease
keeps them apart as a rule; where it does not (a process that slept through its lease), each of
AWS's own conditions does: the ring's revision, the key group's ETag, the version that a switch
expects. docs/rotation.md says what an operator sees of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from signer.errors import PassingError, RotationError, SignerError
from signer.rotation.acts import Acts, Aws
from signer.rotation.plan import plan
from signer.rotation.ring import Lease, Ring, RingKey
from signer.rotation.ring_store import RingStore
from signer.rotation.steps import Act, Observed, Step

LEASE_SECONDS: Final = 120
"""How long others wait for a tick; longer than any takes, as a Lambda function of a minute does."""


MAX_SPREAD: Final = 300
"""Seconds that the dates of one look may lie apart; more, and none of them is believed."""


class Result(Enum):
    """What became of a tick."""

    DONE = "done"
    WAITING = "waiting"
    HALTED = "halted"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick that ended well, whatever it did.

    Attributes:
        result: What became of it.
        step: What was planned.
        ring: As it is written down now.
        observed: What was seen before the step.
    """

    result: Result
    step: Step
    ring: Ring
    observed: Observed

    def facts(self) -> dict[str, object]:
        """Return what happened, for programs: JSON of the command line, the function's log."""
        step = self.step
        return {
            "result": self.result.value,
            "act": step.act.value,
            "kid": step.kid,
            "why": step.why,
            "until": step.until,
            "then": step.then and step.then.value,
        }


class Rotation:
    """A ring, with what its keys live in."""

    def __init__(
        self,
        store: RingStore,
        aws: Aws,
        *,
        owner: str = "",
        new_kid: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        """Remember what to work with; nothing is asked yet.

        Args:
            store: Where the ring document lies.
            aws: Where everything else lies.
            owner: Name for the lease; a random one when empty.
            new_kid: Returns a new UUID for a new key.
        """
        self.store = store
        self.aws = aws
        self._acts = Acts(aws, new_kid)
        self._owner = owner or uuid.uuid4().hex[:12]

    def ring(self) -> Ring:
        """Return what is written down.

        Raises:
            RotationError: ``ring_missing``; ``ring_document``.
            RemoteError: The store did not answer.
        """
        ring = self.store.read()
        if ring is None:
            raise RotationError(
                "ring_missing", "there is no ring yet", advice="make it with: signer rotate init"
            )
        return ring

    def look(self) -> tuple[Ring, Observed]:
        """Return what is written down, and then what AWS says.

        Raises:
            RotationError: As for :meth:`ring`; ``aws_denied``; ``aws_time``: a clock of AWS's, or
                of what stands in between, is wrong.
            RemoteError: AWS did not answer.
        """
        self.aws.time.begin()
        ring = self.ring()
        seen = self.aws.key_groups.look(ring.name, ring.key_group_id)
        labels = self.aws.secrets.look(ring.settings.signing_secret)
        if self.aws.time.spread > MAX_SPREAD:
            raise PassingError(
                "aws_time",
                f"AWS's answers are dated {self.aws.time.spread} seconds apart",
                advice="this machine slept, or a clock is wrong; the next tick looks again",
            )
        return ring, Observed(
            now=self.aws.time.now(),
            group=seen.items,
            uploaded=seen.uploaded,
            public_key_ids=seen.public_key_ids,
            current=labels.current,
            staged=labels.staged,
            active_is_dead=self._is_dead(ring.active),
        )

    def _is_dead(self, key: RingKey | None) -> bool:
        arn = None if key is None else key.kms_key_arn
        return arn is not None and not self.aws.kms.is_enabled(arn)

    def next_step(self) -> Tick:
        """Return what the next tick will do, and do nothing; raises as :meth:`look` does."""
        ring, observed = self.look()
        step = plan(ring, observed)
        return Tick(_RESULTS.get(step.act, Result.DONE), step, ring, observed)

    def tick(self) -> Tick:
        """Do one thing, if there is one to do.

        Raises:
            RotationError: The step was not taken, or somebody else wrote the ring meanwhile
                (``ring_changed``); the next tick looks again.
            RemoteError: AWS did not answer; the next tick looks again.
        """
        tick = self.next_step()
        if tick.result is not Result.DONE:
            return tick
        leased = self._leased(tick.ring, tick.observed.now, tick.step.kid)
        if leased is None:
            return replace(tick, result=Result.BUSY)
        try:
            done = self._acts.perform(tick.step, leased, tick.observed)
        except SignerError:
            self._write(leased, over=leased.rev, quietly=True)
            raise
        return replace(tick, ring=self._write(done, over=leased.rev))

    @contextmanager
    def held(self) -> Iterator[tuple[Ring, Observed]]:
        """Keep ticks away while something is done that is no tick's; look after they are.

        Raises:
            PassingError: ``ring_busy``: a tick is at work.
            RotationError: As for :meth:`look`.
            RemoteError: As for :meth:`look`.
        """
        ring, observed = self.look()
        leased = self._leased(ring, observed.now, None)
        if leased is None:
            raise PassingError(
                "ring_busy", "a tick is at work", advice="try again in a moment, or in two minutes"
            )
        try:
            yield self.look()
        finally:
            self._write(leased, over=leased.rev, quietly=True)

    def _leased(self, ring: Ring, now: int, kid: str | None) -> Ring | None:
        """Write down who does what before it is done; None when somebody else is at work.

        The count of attempts that is written with it tells a later tick that this one began.
        """
        # One that ends later than any lease can is nobody's.
        if ring.lease is not None and now < ring.lease.until <= now + LEASE_SECONDS:
            return None
        key = None if kid is None else ring.key(kid)
        begun = ring.with_keys([] if key is None else [replace(key, attempts=key.attempts + 1)])
        lease = Lease(self._owner, now + LEASE_SECONDS)
        leased = replace(begun, lease=lease, rev=ring.rev + 1)
        try:
            self.store.write(leased, over=ring.rev)
        except RotationError as error:
            if error.code != "ring_changed":
                raise
            return None
        return leased

    def _write(self, ring: Ring, *, over: int, quietly: bool = False) -> Ring:
        written = replace(ring, lease=None, rev=over + 1)
        try:
            self.store.write(written, over=over)
        except SignerError:
            # The lease ends by itself.
            if not quietly:
                raise
        return written


_RESULTS: Final = {Act.WAIT: Result.WAITING, Act.HALT: Result.HALTED}
