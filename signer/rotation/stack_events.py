"""What CloudFormation asks of a ring: a custom resource that begins it, and never owns its keys.

A template that had the key group's keys in it would put back old ones with a deployment, a
roll-back or a correction of drift. So a stack makes the ring once, changes its settings, and may
end it; which keys are in the group is rotation's to say.

Every event is answered, by a PUT to the address that came with it: CloudFormation waits up to an
hour for an answer. AWS page: "CloudFormation custom resource request and response reference"
(crpg-ref).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Thread
from time import monotonic, sleep
from types import MappingProxyType
from typing import Final, TypeVar

from signer.errors import InputError, RemoteError, RotationError, SignerError
from signer.https import request
from signer.rotation import orders
from signer.rotation.driver import Result, Rotation
from signer.rotation.ring import Ring
from signer.rotation.stack_properties import Asked, asked, asks_to_destroy

SECONDS_TO_ANSWER: Final = 15
"""Kept back for the answer: three tries with their pauses, and a second for what is under way."""

_ANSWER_TIMEOUT: Final = 3.0
_ANSWER_PAUSES: Final = (1, 2)
_LONGEST_REASON: Final = 400
"""Characters, of up to six bytes each; an answer has at most 4,096 bytes. AWS page: as above."""

_PAUSES: Final = (1, 2, 4, 8)
"""Seconds between tries. A role made moments ago is not known everywhere at AWS."""

_BUSY_PAUSE: Final = 2

_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True)
class StackEvent:
    """One event of CloudFormation's.

    Attributes:
        request: ``Create``, ``Update`` or ``Delete``.
        answer_to: Where the answer goes. Whoever knows it may answer, so ``repr`` leaves it out.
        stack_id: ARN of the stack.
        request_id: Name of this request; the same if Lambda tries it again.
        logical_id: Name of the resource in the template.
        physical_id: What was answered to Create; None for Create itself.
        properties: ``ResourceProperties``.
    """

    request: str
    answer_to: str = field(repr=False)
    stack_id: str
    request_id: str
    logical_id: str
    physical_id: str | None
    properties: Mapping[str, object]

    @classmethod
    def read(cls, event: Mapping[str, object]) -> StackEvent:
        """Read what Lambda passes on.

        Raises:
            InputError: ``stack_event``: it is not CloudFormation's, so that nobody can be answered.
        """
        names = ("RequestType", "ResponseURL", "StackId", "RequestId", "LogicalResourceId")
        texts = [event.get(name) for name in names]
        known = [text for text in texts if isinstance(text, str) and text]
        physical_id, properties = event.get("PhysicalResourceId"), event.get("ResourceProperties")
        if len(known) != len(names) or not isinstance(properties, dict):
            raise InputError("stack_event", "the event is not one that CloudFormation sends")
        kind, answer_to, stack_id, request_id, logical_id = known
        known_id = physical_id if isinstance(physical_id, str) else None
        return cls(kind, answer_to, stack_id, request_id, logical_id, known_id, properties)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event, and is answered.

    Attributes:
        physical_id: The resource's id: that of the key group.
        data: What the template may ask for by ``Fn::GetAtt``. Nothing in it is secret.
        code: Code of the error; empty for success.
        reason: For people: what is wrong, and what to do.
    """

    physical_id: str
    data: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    reason: str = ""

    @property
    def status(self) -> str:
        """What CloudFormation calls it."""
        return "FAILED" if self.code else "SUCCESS"


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
    _answer(read, outcome)
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
    _tried(lambda: _made(rotation, wanted), until)
    return _group(_signing(rotation, until))


def _made(rotation: Rotation, wanted: Asked) -> Ring:
    """Make the ring, or adopt the one that an earlier try or stack left, with these settings."""
    there = rotation.store.read()
    if there is None or not _is_of(there, wanted):
        return orders.create(rotation, wanted.name, wanted.settings)
    if there.frozen == orders.DESTROYED:
        orders.unfreeze(rotation)
    return _configured(rotation, there, wanted)


def _configured(rotation: Rotation, ring: Ring, wanted: Asked) -> Ring:
    if ring.settings == wanted.settings:
        return ring
    return orders.configure(rotation, lambda _: wanted.settings)


def _signing(rotation: Rotation, until: float) -> Ring:
    """Tick until a key signs."""
    while True:
        tick = _tried(rotation.tick, until)
        if tick.result is Result.HALTED or (
            tick.result is Result.WAITING and not tick.ring.started
        ):
            raise RotationError(
                "rotation_halted", f"no key is made: {tick.step.why}", advice=_SEE_STATUS
            )
        if tick.ring.started:
            return tick.ring
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
    return _group(_tried(lambda: _configured(rotation, ring, wanted), until))


def _delete(rotation: Rotation, event: StackEvent, until: float) -> Outcome:
    """End the ring if that is asked for; otherwise it stays, and its keys with it.

    A Create that failed left an id of no ring, or of one that another resource may need.
    """
    if asks_to_destroy(event.properties):
        ring = _tried(rotation.store.read, until)
        if ring is not None and ring.key_group_id == event.physical_id:
            _tried(lambda: orders.destroy(rotation), until)
    return Outcome(_physical_id(event))


def _refuse(_rotation: Rotation, _event: StackEvent, _until: float) -> Outcome:
    raise InputError("stack_event", "RequestType is not Create, Update or Delete")


_DOING: Final[Mapping[str, Callable[[Rotation, StackEvent, float], Outcome]]] = MappingProxyType(
    {"Create": _create, "Update": _update, "Delete": _delete}
)


def _tried(call: Callable[[], _Done], until: float) -> _Done:
    """Do something that may be done twice; again after a failure while there is time."""
    for pause in _PAUSES:
        try:
            return call()
        except (RemoteError, RotationError):
            if monotonic() + pause > until:
                raise
        sleep(pause)
    return call()


def _answer(event: StackEvent, outcome: Outcome) -> None:
    document = {
        "Status": outcome.status,
        "Reason": outcome.reason,
        "PhysicalResourceId": outcome.physical_id,
        "StackId": event.stack_id,
        "RequestId": event.request_id,
        "LogicalResourceId": event.logical_id,
        "Data": dict(outcome.data),
    }
    body = json.dumps(document).encode()
    told = ""
    for pause in (*_ANSWER_PAUSES, None):
        try:
            # No type: the address may be signed for a request without one.
            answer = request(
                "PUT",
                event.answer_to,
                headers={"content-type": ""},
                body=body,
                timeout=_ANSWER_TIMEOUT,
            )
        except RemoteError as error:
            told = error.code
        else:
            told = str(answer.status)
            if told.startswith("2"):
                return
        if pause is not None:
            sleep(pause)
    raise RemoteError(
        "stack_answer",
        f"CloudFormation's address did not take the answer ({told})",
        advice="a function in a VPC needs a way to Amazon S3",
    )


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
    group = ring.key_group_id or ""
    return Outcome(group, {"KeyGroupId": group})


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
