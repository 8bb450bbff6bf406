"""What CloudFormation asks of a ring: a custom resource that begins it, and never owns its keys.

A template that had the key group's keys in it would put back old ones with a deployment, a
roll-back or a correction of drift. So a stack makes the ring once, changes its settings, and may
end it; which keys are in the group is rotation's to say.

Every event is answered, by a PUT to the address that came with it: CloudFormation waits up to an
hour for an answer. AWS page: "CloudFormation custom resource request and response reference"
(crpg-ref).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from time import monotonic, sleep
from types import MappingProxyType
from typing import Final, TypeVar

from signer.errors import (
    InputError,
    PassingError,
    RemoteError,
    RotationError,
    SignerError,
    SigningError,
)
from signer.rotation import orders, stack_claims
from signer.rotation.driver import Result, Rotation
from signer.rotation.ring import Ring
from signer.rotation.stack_messages import SECONDS_TO_ANSWER, Outcome, StackEvent, answer
from signer.rotation.stack_properties import Asked, asked, asks_to_destroy

_LONGEST_REASON: Final = 400
"""Characters, of up to six bytes each; an answer has at most 4,096 bytes. AWS page: as above."""

_PAUSES: Final = (1, 2, 4, 8, 8, 8)
"""Seconds between tries. A role made moments ago is not known everywhere at AWS."""

_BUSY_PAUSE: Final = 2
_SECONDS_TO_LEAVE: Final = 5

_Done = TypeVar("_Done")


def is_stack_event(event: object) -> bool:
    """Tell whether an event of the function is CloudFormation's."""
    return isinstance(event, dict) and "RequestType" in event


def handle(rotation: Rotation, event: Mapping[str, object], *, seconds: float) -> Outcome:
    """Do what a stack asks for and answer it.

    Args:
        rotation: The ring.
        event: What Lambda passes on.
        seconds: How long this may take, the answer included.

    Returns:
        What was answered; a failure is an answer too.

    Raises:
        InputError: ``stack_event``, or ``remote_url``: nobody can be answered.
        RemoteError: ``stack_answer``: the answer was not taken. The same event again does no harm
            and answers anew.
    """
    read = StackEvent.read(event)
    outcome = _in_time(rotation, read, monotonic() + max(0.0, seconds - SECONDS_TO_ANSWER))
    answer(read, outcome)
    return outcome


def _in_time(rotation: Rotation, event: StackEvent, until: float) -> Outcome:
    """Return what became of an event, or at the latest one second after a moment, that it is slow.

    A call of AWS can hang for longer than the function lives. The thread that makes it is left
    behind: whatever it still does is as good as what a tick does that slept through its lease.
    """
    done: list[Outcome] = []
    worker = Thread(target=lambda: done.append(_outcome(rotation, event, until)), daemon=True)
    worker.start()
    worker.join(max(0.0, until - monotonic()) + 1)
    return done[0] if done else _failed(event, _slow("AWS takes too long to answer"))


def _outcome(rotation: Rotation, event: StackEvent, until: float) -> Outcome:
    failure: Exception
    try:
        return _DOING.get(event.request, _refuse)(rotation, event, until)
    except Exception as error:  # noqa: BLE001 - whatever happens, CloudFormation is answered
        failure = error
    return _failed(event, failure)


def _create(rotation: Rotation, event: StackEvent, until: float) -> Outcome:
    wanted = asked(event.properties)
    ring = _tried(lambda: _made(rotation, wanted), until)
    if not ring.started or stack_claims.users(ring):
        # A ring that signs already, nobody knows for whom, is noted at the first Update only: this
        # resource may be rolled back, and must not take the ring with it.
        ring = _tried(lambda: stack_claims.take(rotation, event.resource), until)
    if not ring.started:
        return _group(_signing(rotation, until))
    ring, observed = _tried(rotation.look, until)
    if ring.key_group_id is not None and observed.group is None:
        raise RotationError("key_group_gone", "the ring's key group is gone", advice=_SEE_STATUS)
    return _group(ring)


def _made(rotation: Rotation, wanted: Asked) -> Ring:
    """Make the ring, or adopt the one that an earlier try or stack left, with these settings."""
    there = rotation.store.read()
    if there is None or not _is_of(there, wanted):
        return orders.create(rotation, wanted.name, wanted.settings)
    if there.frozen == orders.DESTROYED:
        if there.keys or there.key_group_id is not None:
            orders.destroy(rotation)  # Only half of it was done.
        there = orders.unfreeze(rotation)
    return _configured(rotation, there, wanted)


def _configured(rotation: Rotation, ring: Ring, wanted: Asked) -> Ring:
    if ring.settings == wanted.settings:
        return ring
    return orders.configure(rotation, lambda _: wanted.settings)


def _signing(rotation: Rotation, until: float) -> Ring:
    """Tick until a key signs."""
    while True:
        tick = _tried(rotation.tick, until)
        if tick.ring.started:
            return tick.ring
        if tick.result in {Result.HALTED, Result.WAITING}:
            raise RotationError(
                "rotation_halted", f"no key is made: {tick.step.why}", advice=_SEE_STATUS
            )
        if monotonic() > until:
            raise _slow(f"no key signs yet: {tick.step.why}")
        if tick.result is Result.BUSY:
            sleep(_BUSY_PAUSE)


def _update(rotation: Rotation, event: StackEvent, until: float) -> Outcome:
    wanted = asked(event.properties)
    ring = _tried(rotation.ring, until)
    if ring.key_group_id != event.physical_id:
        raise RotationError(
            "stack_ring",
            "the function's ring has another key group than this resource",
            advice="set SIGNER_RING back to the ring that the resource was made with",
        )
    if not _is_of(ring, wanted):
        raise RotationError(
            "ring_settings",
            "a ring keeps its Name, its SigningSecret and its StandbySecret",
            advice="make another ring beside it, with a function and a resource of its own",
        )
    _tried(lambda: stack_claims.take(rotation, event.resource), until)
    return _group(_tried(lambda: _configured(rotation, ring, wanted), until))


def _delete(rotation: Rotation, event: StackEvent, until: float) -> Outcome:
    """End the ring if that is asked for; otherwise it stays, and its keys with it.

    A Create that failed left an id of no ring, or of one that another resource may need.
    """
    reason = ""
    if asks_to_destroy(event.properties):
        ring = _tried(rotation.store.read, until)
        if ring is not None and ring.key_group_id and ring.key_group_id == event.physical_id:
            if stack_claims.users(ring) == {event.resource}:
                _tried(lambda: orders.destroy(rotation), until)
            else:
                reason = _STAYS
    with suppress(SignerError):
        soon = min(until, monotonic() + _SECONDS_TO_LEAVE)
        _tried(lambda: stack_claims.leave(rotation, event.resource), soon)
    return Outcome(_physical_id(event), reason=reason)


def _refuse(_rotation: Rotation, _event: StackEvent, _until: float) -> Outcome:
    raise InputError("stack_event", "RequestType is not Create, Update or Delete")


_DOING: Final[Mapping[str, Callable[[Rotation, StackEvent, float], Outcome]]] = MappingProxyType(
    {"Create": _create, "Update": _update, "Delete": _delete}
)


def _tried(call: Callable[[], _Done], until: float) -> _Done:
    """Do something that may be done twice; again after a failure while there is time.

    What passes is tried until the time is over. Anything else of rotation's a few times only: a
    right or a resource that was made moments ago is not known everywhere at AWS.
    """
    tries = 0
    while True:
        try:
            return call()
        except (RemoteError, RotationError, SigningError) as error:
            pause = _PAUSES[min(tries, len(_PAUSES) - 1)]
            lasting = tries == len(_PAUSES) and not _passes(error)
            if lasting or monotonic() + pause > until:
                raise
        sleep(pause)
        tries = min(tries + 1, len(_PAUSES))


def _passes(error: SignerError) -> bool:
    if isinstance(error, SigningError):
        return error.code.startswith("kms_")
    return isinstance(error, RemoteError | PassingError)


def _failed(event: StackEvent, error: Exception) -> Outcome:
    """Tell of a failure; of one that is not ours the kind alone, since its text may be secret."""
    if isinstance(error, SignerError):
        code, told = error.code, str(error)
    else:
        code, told = "internal", f"unexpected {type(error).__name__}"
    return Outcome(_physical_id(event), code=code, reason=f"{code}: {told}"[:_LONGEST_REASON])


def _physical_id(event: StackEvent) -> str:
    return event.physical_id or f"not-made-{event.request_id}"


def _group(ring: Ring) -> Outcome:
    if not ring.key_group_id:
        raise RotationError(
            "stack_group", "the ring has no key group that was written down", advice=_SEE_STATUS
        )
    return Outcome(ring.key_group_id, {"KeyGroupId": ring.key_group_id})


def _is_of(ring: Ring, wanted: Asked) -> bool:
    """Whether a ring has the name and the secrets that are asked for, which it keeps."""
    has, wants = ring.settings, wanted.settings
    return (ring.name, has.signing_secret, has.standby_secret) == (
        wanted.name,
        wants.signing_secret,
        wants.standby_secret,
    )


def _slow(problem: str) -> RotationError:
    return RotationError(
        "stack_slow",
        problem,
        advice="deploy again, which goes on from there; the function may need a longer timeout",
    )


REQUESTS: Final = frozenset(_DOING)
"""What CloudFormation may ask for."""

_SEE_STATUS: Final = "see: signer rotate status"
_STAYS: Final = "the ring stays: for all that it remembers, another resource of a stack uses it too"
