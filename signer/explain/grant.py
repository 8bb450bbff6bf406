"""What a policy grants, in words."""

from __future__ import annotations

from dataclasses import dataclass

from signer.explain.case import Case, SignatureState
from signer.explain.finding import shown
from signer.explain.moments import Moment, moment
from signer.resource import Sections, split_resource
from signer.verdict import Kind
from signer.viewer_request import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A policy in words; what is not there is None.

    Attributes:
        transport: Where the credentials are.
        kind: Canned or custom.
        resource: The Resource as signed.
        scheme: Which schemes it covers.
        host: Which hosts it covers.
        path: Which paths it covers.
        query: Which queries it covers.
        begins: When access begins.
        ends: When access ends.
        viewer: Which viewers may use it.
        key_pair_id: The key pair id that the request names.
        algorithm: Algorithm of that key, when it was given.
        hash_algorithm: Hash under the signature.
        signature: Whether the signature is genuine.
    """

    transport: Transport
    kind: Kind
    resource: str | None
    scheme: str
    host: str
    path: str
    query: str
    begins: Moment | None
    ends: Moment | None
    viewer: str
    key_pair_id: str
    algorithm: str | None
    hash_algorithm: str
    signature: SignatureState


def grant_of(case: Case) -> Grant | None:
    """Describe what the request's policy grants; None when it has no readable policy."""
    policy, kind, transport = case.policy, case.kind, case.shown.transport
    if policy is None or kind is None or transport is None or not policy.statements:
        return None
    resource = policy.resource
    sections = split_resource(resource) if resource else None
    words = _words(sections, exact=kind == "canned")
    start, end = policy.date_greater_than, policy.date_less_than
    zone, now = case.context.zone, case.now
    return Grant(
        transport=transport,
        kind=kind,
        resource=None if resource is None else shown(resource, limit=2000),
        scheme=words[0],
        host=words[1],
        path=words[2],
        query=words[3],
        begins=None if start is None else moment(start, now=now, zone=zone),
        ends=None if end is None else moment(end, now=now, zone=zone),
        viewer="any address" if policy.ip_address is None else shown(policy.ip_address, limit=64),
        key_pair_id=shown(case.key_pair_id, limit=64),
        algorithm=case.key.algorithm.value if case.key else None,
        hash_algorithm=case.hash_algorithm.value,
        signature=case.signature_state,
    )


def _words(sections: Sections | None, *, exact: bool) -> tuple[str, str, str, str]:
    if sections is None:
        everything = "any: the statement has no usable Resource"
        return everything, everything, everything, everything
    protocol, domain, path, query = sections
    return (
        f"{shown(protocol)} only" if protocol in {"http", "https"} else "http and https",
        _host_words(domain),
        f"{shown(path)} only" if exact else _path_words(path),
        _query_words(path, query, exact=exact),
    )


def _host_words(domain: str) -> str:
    if "*" not in domain:
        return f"{shown(domain)} only"
    if domain == "*":
        return "every host"
    if domain.startswith("*") and "*" not in domain[1:]:
        return f"every name that ends in {shown(domain[1:])}"
    return f"names of the form {shown(domain)}"


def _path_words(path: str) -> str:
    head, star, tail = path.partition("*")
    if not star:
        return f"{shown(path)} only"
    if not tail:
        if head in {"", "/"}:
            return "every path"
        below = "everything below" if head.endswith("/") else "every path that begins with"
        return f"{below} {shown(head)}"
    if head.endswith("/") and "*" not in tail and "/" not in tail:
        return f"everything below {shown(head)} that ends in {shown(tail)}"
    return f"paths of the form {shown(path)}"


def _query_words(path: str, query: str | None, *, exact: bool) -> str:
    if not exact and path.endswith("*") and query in {None, "*"}:
        return "any, or none"
    if query is None:
        return "none"
    if exact or ("*" not in query and "?" not in query):
        return f"exactly {shown(query)}"
    return f"of the form {shown(query)}"
