"""The signature check of a behavior, and the edge's own assumption about paths."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from signer.assumptions import Assumptions
from signer.edge.distribution import Behavior, Distribution
from signer.edge.patterns import has_dot_segment
from signer.edge.viewer import Arrival
from signer.verdict import Verdict
from signer.verifier import Verifier
from signer.viewer_request import ViewerRequest

EDGE_ASSUMPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dot_segments_denied": (
            "Whether a Resource is compared before or after dot segments are resolved is silent; "
            "a signed behavior refuses paths that have any."
        ),
    }
)
"""Rules of this edge where documentation is silent, beside the verifier's assumptions."""


def described_assumptions() -> dict[str, str]:
    """Return one sentence for every assumption that a verdict may name."""
    return {**Assumptions.describe(), **EDGE_ASSUMPTIONS}


class Gatekeeper:
    """Decides for every behavior of a distribution whether a request is signed well enough."""

    def __init__(self, distribution: Distribution, clock: Callable[[], float]) -> None:
        self._verifiers = {
            behavior: Verifier(
                [distribution.key_groups[name] for name in behavior.trusted_key_groups],
                assumptions=distribution.assumptions,
                clock=clock,
            )
            for behavior in (distribution.default_behavior, *distribution.behaviors)
            if behavior.trusted_key_groups
        }

    def verdict(self, arrival: Arrival, behavior: Behavior, now: float) -> Verdict | None:
        """Decide about a request; None when the behavior has no trusted key groups."""
        verifier = self._verifiers.get(behavior)
        if verifier is None:
            return None
        request = ViewerRequest(
            url=arrival.url,
            cookies=arrival.cookies,
            ip=arrival.peer[0] if arrival.peer else None,
            method=arrival.method,
        )
        verdict = verifier.verify(request, now=now)
        if verdict.allowed and has_dot_segment(arrival.path):
            return _with_dot_segment(verdict)
        return verdict


def _with_dot_segment(verdict: Verdict) -> Verdict:
    return dataclasses.replace(
        verdict,
        allowed=False,
        code="AccessDenied",
        failed_step="resource",
        reason="dot_segment",
        detail=(
            "The path has a . or .. segment, so what the Resource covers may not be what the "
            "origin serves."
        ),
        assumptions=(*verdict.assumptions, "dot_segments_denied"),
    )
