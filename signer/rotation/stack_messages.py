"""What CloudFormation sends for a custom resource, and what it is answered.

An answer is a PUT to the address that came with the event. AWS page: "CloudFormation custom
resource request and response reference" (crpg-ref).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import sleep
from typing import Final

from signer.errors import InputError, RemoteError
from signer.https import request

SECONDS_TO_ANSWER: Final = 15
"""Kept back for the answer: three tries with their pauses, and a second for what is under way."""

_ANSWER_TIMEOUT: Final = 3.0
_ANSWER_PAUSES: Final = (1, 2)


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

    @property
    def resource(self) -> str:
        """Which resource of which stack; no other one has this name."""
        return f"{self.logical_id} of {self.stack_id}"

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
        reason: For people: what is wrong, and what to do; or why a ring stays.
    """

    physical_id: str
    data: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    reason: str = ""

    @property
    def status(self) -> str:
        """What CloudFormation calls it."""
        return "FAILED" if self.code else "SUCCESS"


def answer(event: StackEvent, outcome: Outcome) -> None:
    """Tell CloudFormation what became of an event, in up to three tries.

    Raises:
        InputError: ``remote_url``: the address cannot be one.
        RemoteError: ``stack_answer``: nobody took the answer.
    """
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
            taken = request(
                "PUT",
                event.answer_to,
                headers={"content-type": ""},
                body=body,
                timeout=_ANSWER_TIMEOUT,
            )
        except RemoteError as error:
            told = error.code
        else:
            told = str(taken.status)
            if told.startswith("2"):
                return
        if pause is not None:
            sleep(pause)
    raise RemoteError(
        "stack_answer",
        f"CloudFormation's address did not take the answer ({told})",
        advice="a function in a VPC needs a way to Amazon S3",
    )
