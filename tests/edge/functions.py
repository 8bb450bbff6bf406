"""Functions behind an edge, and what they were called with."""

from __future__ import annotations

from typing import Any

from signer.edge import Behavior, Distribution, EdgeApp, LambdaOrigin
from signer.edge.exchange import Exchange


class Function:
    """A handler that remembers its events."""

    def __init__(self, result: object = None) -> None:
        self.result = result
        self.events: list[dict[str, Any]] = []
        self.contexts: list[Any] = []

    def __call__(self, event: dict[str, Any], context: object) -> object:
        self.events.append(event)
        self.contexts.append(context)
        return self.result


def app_of(handler: Any, **options: Any) -> tuple[EdgeApp, list[Exchange]]:  # noqa: ANN401 - any callable, whatever the class takes
    exchanges: list[Exchange] = []
    site = Distribution(
        origins={"function": LambdaOrigin(handler, **options)},
        default_behavior=Behavior(origin="function", allowed_methods="ALL", forward_cookies=True),
    )
    return EdgeApp(site, on_exchange=exchanges.append), exchanges
