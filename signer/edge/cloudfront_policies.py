"""What the policies of a distribution's behaviors say, whoever tells them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from signer.edge.cloudfront_headers import response_headers_of
from signer.edge.cloudfront_origins import Told
from signer.edge.response_headers import ResponseHeadersPolicy

Look = Callable[[str], Told]
"""Returns the configuration of the policy with an id."""


class Policies:
    """Looks each policy up once.

    AWS page: "Understand origin request policies": the origin gets what is in the cache policy or
    in the origin request policy. Which cookies exactly is not emulated: all of them, or none.
    """

    def __init__(
        self,
        *,
        cache: Look,
        origin_request: Look,
        response_headers: Look,
        known: Mapping[str, ResponseHeadersPolicy] = MappingProxyType({}),
    ) -> None:
        """Look nothing up yet.

        Args:
            cache: Finds a ``CachePolicyConfig``.
            origin_request: Finds an ``OriginRequestPolicyConfig``.
            response_headers: Finds a ``ResponseHeadersPolicyConfig``.
            known: Response headers policies that need not be looked up.
        """
        self._cache = cache
        self._origin_request = origin_request
        self._response_headers = response_headers
        self._cookies: dict[str, bool] = {}
        self._headers = dict(known)

    def forwards_cookies(self, behavior: Told) -> bool:
        """Tell whether a behavior's origin gets the viewer's cookies."""
        legacy = (behavior.get("ForwardedValues") or {}).get("Cookies") or {}
        return (
            legacy.get("Forward", "none") != "none"
            or self._once(behavior.get("CachePolicyId"), self._in_cache_policy)
            or self._once(behavior.get("OriginRequestPolicyId"), self._in_request_policy)
        )

    def response_headers(self, behavior: Told) -> ResponseHeadersPolicy | None:
        """Return what a behavior changes in the origin's answers.

        Raises:
            ConfigurationError: A header of the policy is none.
        """
        policy_id = behavior.get("ResponseHeadersPolicyId")
        if not policy_id:
            return None
        if policy_id not in self._headers:
            self._headers[policy_id] = response_headers_of(self._response_headers(policy_id))
        return self._headers[policy_id]

    def _once(self, policy_id: str | None, look: Callable[[str], bool]) -> bool:
        if not policy_id:
            return False
        if policy_id not in self._cookies:
            self._cookies[policy_id] = look(policy_id)
        return self._cookies[policy_id]

    def _in_cache_policy(self, policy_id: str) -> bool:
        config = self._cache(policy_id)
        return _passes_cookies(config.get("ParametersInCacheKeyAndForwardedToOrigin") or {})

    def _in_request_policy(self, policy_id: str) -> bool:
        return _passes_cookies(self._origin_request(policy_id))


def _passes_cookies(config: Told) -> bool:
    cookies = config.get("CookiesConfig") or {}
    return str(cookies.get("CookieBehavior", "none")) != "none"
