"""Nothing but what was issued is served: no tampered request is accepted, and none raises.

Every request is decided twice, by the verifier and by an oracle that knows what was issued
(:mod:`tests.judge`); the two must agree, so that genuine requests are not refused either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from signer.issuer import Issuer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey
from signer.policy import Policy
from signer.verdict import Verdict
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest
from tests.genuine import NOW, VIEWER, Genuine, pool
from tests.judge import Attempt, Judge
from tests.tampering import WAYS, attempts, draft
from tests.tampering_values import P256_ORDER, decode, encode

CHUNKS = 12
FORGED_PER_CHUNK = 10_000


def decide(verifier: Verifier, attempt: Attempt) -> Verdict:
    request = ViewerRequest(attempt.url, attempt.cookies, attempt.ip)
    return verifier.verify(request, now=attempt.now)


def test_the_run_is_large_enough() -> None:
    assert CHUNKS * FORGED_PER_CHUNK >= 100_000


@pytest.mark.parametrize("seed", range(CHUNKS))
def test_10_000_forged_requests_are_refused(seed: int) -> None:
    judge, verifier = Judge(pool().credentials), pool().verifier()
    seen: Counter[str] = Counter()
    ways: set[str] = set()
    for attempt in attempts(seed, pool()):
        finding = judge.finding(attempt)
        verdict = decide(verifier, attempt)
        assert verdict.allowed == (finding != "forged"), (attempt, finding, verdict.reason)
        assert (verdict.code is None) == verdict.allowed
        seen[finding] += 1
        ways.add(attempt.done)
        if seen["forged"] == FORGED_PER_CHUNK:
            break
    assert len(ways) >= len(set(WAYS))
    assert seen["in order"] > 1_000


def test_every_genuine_request_is_served() -> None:
    judge, verifier = Judge(pool().credentials), pool().verifier()
    for one in pool().credentials:
        attempt = draft(one, "nothing").attempt()
        assert judge.finding(attempt) == "in order"
        verdict = decide(verifier, attempt)
        assert verdict.allowed, (attempt, verdict.reason)
        assert verdict.transport == one.transport
        assert verdict.kind == ("canned" if one.is_canned else "custom")
        assert verdict.policy is not None
        assert verdict.policy.text == one.text


def some_of_each_kind() -> list[Genuine]:
    kinds = {(one.is_canned, one.transport, one.key_pair_id[:3]): one for one in pool().credentials}
    assert len(kinds) == 8
    return list(kinds.values())


@pytest.mark.parametrize("index", range(8))
def test_no_single_bit_can_flip_anywhere_in_a_credential(index: int) -> None:
    one = some_of_each_kind()[index]
    judge, verifier = Judge(pool().credentials), pool().verifier()
    flips = 0
    for at, (name, value) in enumerate(one.parameters):
        for position, bit in ((p, b) for p in range(len(value)) for b in range(7)):
            flipped = chr(ord(value[position]) ^ (1 << bit))
            pairs = list(one.parameters)
            pairs[at] = (name, value[:position] + flipped + value[position + 1 :])
            attempt = replace(draft(one, "bit"), pairs=pairs).attempt()
            assert decide(verifier, attempt).allowed == (judge.finding(attempt) != "forged")
            flips += 1
    assert flips > 700


@pytest.mark.parametrize("index", range(8))
def test_no_value_can_be_cut_anywhere(index: int) -> None:
    one, verifier = some_of_each_kind()[index], pool().verifier()
    for at, (name, value) in enumerate(one.parameters):
        for length in range(len(value)):
            pairs = list(one.parameters)
            pairs[at] = (name, value[:length])
            attempt = replace(draft(one, "cut"), pairs=pairs).attempt()
            assert not decide(verifier, attempt).allowed


def changed_without_gain() -> Iterator[tuple[str, Attempt]]:
    """Requests that were not issued in this form, and open nothing that was not."""
    for one in pool().credentials:
        values = dict(one.parameters)
        if one.key_pair_id.startswith("KEC"):
            r, s = decode_dss_signature(decode(values["Signature"]))
            other = encode(encode_dss_signature(r, P256_ORDER - s))
            yield "second form of an ECDSA signature", with_values(one, Signature=other)
        if one.hash_name == "SHA1":
            yield "SHA1 named", with_values(one, **{"Hash-Algorithm": "SHA1"})
        if one.is_canned:
            custom = {"Policy": encode(one.text.encode()), **values}
            del custom["Expires"]
            yield "canned policy sent along", only_values(one, custom)
        else:
            yield "Expires beside Policy", with_values(one, Expires="1")


def with_values(one: Genuine, **added: str) -> Attempt:
    return only_values(one, {**dict(one.parameters), **added})


def only_values(one: Genuine, values: dict[str, str]) -> Attempt:
    return replace(draft(one, "no gain"), pairs=list(values.items())).attempt()


def test_what_is_changed_without_gain_is_known_and_accepted() -> None:
    """Each form is served for what the credential covers anyway, and refused for anything else."""
    verifier = pool().verifier()
    seen: Counter[str] = Counter()
    for form, attempt in changed_without_gain():
        assert decide(verifier, attempt).allowed, form
        for elsewhere in (
            replace(attempt, url=attempt.url.replace("/films", "/private").replace("/songs", "/x")),
            replace(attempt, now=NOW + 10**6),
        ):
            assert not decide(verifier, elsewhere).allowed, form
        seen[form] += 1
    assert len(seen) == 4
    assert min(seen.values()) >= 30


@pytest.mark.parametrize("own", [["size=large", "v=2"], ["v=2", "size=large"]])
def test_only_the_order_of_cloudfronts_parameters_is_free(own: list[str]) -> None:
    """Documented: CloudFront's parameters may stand anywhere. The URL's own keep their order."""
    verifier, random = pool().verifier(), Random(1)
    for one in pool().credentials:
        if one.transport == "cookies" or "size=large&v=2" not in one.url:
            continue
        for _ in range(10):
            parts = [f"{name}={value}" for name, value in one.parameters]
            random.shuffle(parts)
            first, second = sorted(random.choices(range(len(parts) + 1), k=2))
            mixed = [*parts[:first], own[0], *parts[first:second], own[1], *parts[second:]]
            attempt = Attempt("order", f"{one.url.partition('?')[0]}?{'&'.join(mixed)}")
            assert decide(verifier, attempt).allowed == (own == ["size=large", "v=2"])


def test_one_signature_does_not_open_the_other_transport_wider() -> None:
    """Moved between URL and cookies a credential is judged by the rules of its new place."""
    judge, verifier = Judge(pool().credentials), pool().verifier()
    for one in pool().credentials:
        moved = {"url": "cookies", "cookies": "url"}[one.transport]
        attempt = replace(draft(one, "moved"), transport=moved).attempt()
        assert decide(verifier, attempt).allowed
        assert judge.finding(attempt) == "in order"


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_policies_open_exactly_their_window(algorithm: KeyAlgorithm) -> None:
    """Round trip of generated policies: accepted in the first and the last second, not beyond."""
    key, random = PrivateKey.generate(algorithm), Random(2)
    verifier = Verifier([TrustedKeyGroup({"KWINDOW": key.public_key()})])
    for number in range(3_000 if algorithm is KeyAlgorithm.ECDSA_P256 else 500):
        start = random.choice((None, random.randint(1, NOW)))
        end = NOW + random.randint(1, 600_000)
        resource = f"https://cdn.example.com/{number}/" + random.choice(
            ("a.mp4", "*", "a*b", "a?x=*")
        )
        policy = Policy(
            resource,
            date_less_than=end,
            date_greater_than=start,
            ip_address=random.choice((None, "203.0.113.0/24", VIEWER)),
            allow_entire_distribution=True,
        )
        issuer = Issuer(
            key,
            key_pair_id="KWINDOW",
            hash_algorithm=random.choice(list(HashAlgorithm)),
            max_lifetime=timedelta(days=8),
            clock=lambda: NOW,
        )
        signed = issuer.sign(policy)
        url = resource.replace("*", "b")
        request = random.choice(
            (
                ViewerRequest(signed.url(url), ip=VIEWER),
                ViewerRequest(url, signed.cookies(), ip=VIEWER),
                ViewerRequest(url, signed.cookies().header(), ip=VIEWER),
            )
        )
        first = 0 if start is None else start + 1
        assert verifier.verify(request, now=first).allowed
        assert verifier.verify(request, now=end - 1).allowed
        assert verifier.verify(request, now=end).reason == "expired"
        if start is not None:
            assert verifier.verify(request, now=start + 0.9).reason == "not_yet_valid"
