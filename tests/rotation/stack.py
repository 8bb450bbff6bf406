"""CloudFormation's side of a custom resource: its events, and where it waits for the answers."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

import pytest

from signer.rotation import stack_events, stack_messages
from signer.rotation.driver import Rotation
from tests.rotation.world import World

STACK_ID = "arn:aws:cloudformation:us-east-1:111122223333:stack/media/51af3dc0"
SIGNATURE = "Sg7canary3f9a0b1c2d3e4f5a6b7c8d9e"
PROPERTIES = {
    "ServiceToken": "arn:aws:lambda:us-east-1:111122223333:function:rotation",
    "ServiceTimeout": "300",
    "Name": "r",
    "SigningSecret": "signing",
    "StandbySecret": "standby",
}


@dataclass
class Stack:
    """A stack that waits for answers.

    Attributes:
        url: Where answers go; it is signed, and so a secret.
        statuses: What the next answers are answered with; 200 when there is nothing left.
        answers: The documents that came, also those that were refused.
        types: Their content types.
    """

    url: str
    statuses: list[int] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    types: list[str | None] = field(default_factory=list)

    def event(
        self, request: str, physical_id: str | None = None, /, **properties: object
    ) -> dict[str, Any]:
        """Return an event as CloudFormation sends it; a property that is None is left out."""
        given = {**PROPERTIES, **properties}
        event = {
            "RequestType": request,
            "ResponseURL": self.url,
            "StackId": STACK_ID,
            "RequestId": "b6e5f8a1",
            "ResourceType": "Custom::SigningKeyRing",
            "LogicalResourceId": "Ring",
            "ResourceProperties": {k: v for k, v in given.items() if v is not None},
        }
        return event if physical_id is None else {**event, "PhysicalResourceId": physical_id}

    @property
    def answer(self) -> dict[str, Any]:
        """The one answer that came since the last look."""
        (answer,) = self.answers
        self.answers.clear()
        return answer


@contextlib.contextmanager
def waiting_stack() -> Iterator[Stack]:
    """Wait for answers on loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert len(body) <= 4096
            stack.types.append(self.headers["Content-Type"])
            stack.answers.append(json.loads(body))
            self.send_response(stack.statuses.pop(0) if stack.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    stack = Stack(f"http://127.0.0.1:{server.server_port}/answer%7CRing?Signature={SIGNATURE}")
    try:
        yield stack
    finally:
        server.shutdown()
        server.server_close()


def without_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let time pass at once where the handler pauses, and return the pauses."""
    pauses: list[float] = []
    monkeypatch.setattr(stack_messages, "sleep", pauses.append)
    monkeypatch.setattr(stack_events, "sleep", pauses.append)
    monkeypatch.setattr(stack_events, "monotonic", lambda: monotonic() + sum(pauses))
    return pauses


def time_of_handler() -> float:
    """Return what the handler takes for the time, in seconds."""
    now: float = vars(stack_events)["monotonic"]()
    return now


def handled(rotation: Rotation, event: dict[str, Any], *, seconds: float = 60) -> str:
    """Let an event be handled and answered, and return the status."""
    return stack_events.handle(rotation, event, seconds=seconds).status


def failed(stack: Stack, rotation: Rotation, event: dict[str, Any]) -> str:
    """Let an event fail, and return the reason that CloudFormation is told."""
    assert handled(rotation, event) == "FAILED"
    answer = stack.answer
    assert answer["Status"] == "FAILED"
    assert answer["Data"] == {}
    reason: str = answer["Reason"]
    return reason


def created(world: World, stack: Stack, **properties: object) -> str:
    """Create a ring and return the id of its key group."""
    assert handled(world.rotation(), stack.event("Create", **properties)) == "SUCCESS"
    group: str = stack.answer["PhysicalResourceId"]
    return group
