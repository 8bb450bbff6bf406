"""The viewer's address against the policy's."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from signer.errors import PolicyError
from signer.explain.case import Case
from signer.explain.finding import Finding, found, noted, shown
from signer.policy import ipv4_range

if TYPE_CHECKING:
    from collections.abc import Iterator


def viewer_ip_findings(case: Case) -> Iterator[Finding]:
    """Compare the viewer with the IpAddress condition (35)."""
    condition, viewer = case.policy_ip, case.request.ip
    if condition is None:
        return
    name = shown(condition, limit=64)
    try:
        network = ipaddress.IPv4Network(condition, strict=False)
    except ValueError:
        yield found(
            35,
            f"IpAddress {name!r} is not an IPv4 range, so it fits no viewer.",
            advice="Write one IPv4 address with /32, or one CIDR range.",
        )
        return
    yield from _condition(case, condition)
    if viewer is None:
        yield noted(
            "viewer_ip_unchecked",
            "The viewer's address was not checked",
            f"The policy is for {name}.",
            advice="Give it: --ip ADDRESS, as the edge sees it.",
        )
        return
    try:
        address = ipaddress.ip_address(viewer)
    except ValueError:
        yield found(35, f"{shown(viewer, limit=64)!r} is not an IP address.")
        return
    if address.version != network.version:
        yield found(
            35,
            f"The viewer came over IPv6 ({address}), and the condition is IPv4 only.",
            advice="Switch IPv6 off on the distribution, or leave IpAddress out.",
        )
    elif address not in network:
        yield found(35, f"The viewer is {address}, the policy is for {name}.")


def _condition(case: Case, condition: str) -> Iterator[Finding]:
    """Judge the range itself."""
    try:
        ipv4_range(condition)
    except PolicyError as error:
        if error.code == "ip_host_bits":
            yield noted("ip_host_bits", "The range has host bits set", shown(str(error)))
    if "/" not in condition:
        refused = case.on_trust.reason in {"ip_mismatch", "ip_unknown"}
        yield found(
            35,
            f"IpAddress {shown(condition, limit=64)} has no mask, which is not documented.",
            advice="Write it with /32.",
            severity="cause" if refused else "warning",
        )
