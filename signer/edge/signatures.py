"""The signature check of every behavior of a distribution."""

from __future__ import annotations

from signer.edge.distribution import Behavior, Distribution
from signer.edge.viewer import Arrival
from signer.verdict import Verdict
from signer.verifier import Verifier
from signer.viewer_request import ViewerRequest


class Gatekeeper:
    """Decides for every behavior of a distribution whether a request is signed well enough."""

    def __init__(self, distribution: Distribution) -> None:
        self._verifiers = {
            behavior: Verifier(
                [distribution.key_groups[name] for name in behavior.trusted_key_groups],
                assumptions=distribution.assumptions,
            )
            for behavior in (distribution.default_behavior, *distribution.behaviors)
            if behavior.trusted_key_groups
        }

    @property
    def guards_anything(self) -> bool:
        """Whether any behavior needs a signature."""
        return bool(self._verifiers)

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
        return verifier.verify(request, now=now)
