"""Two verifiers that share nothing with ours agree with it: OpenSSL's command, and one in JavaScript.

OpenSSL checks signatures over policies that this file rebuilds from the URL on its own. The verifier in
``tests/independent/verifier.mjs`` decides whole requests, in its own language and on Node's cryptography.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path
from random import Random
from urllib.parse import parse_qsl

import pytest

from signer.issuer import Issuer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey
from signer.viewer_request import ViewerRequest
from tests import generated_urls
from tests.clients import run_node
from tests.genuine import NOW, TRUSTED, Genuine, pool
from tests.judge import Attempt
from tests.tampering import attempts, draft
from tests.tampering_values import decode, encode

VERIFIER = Path(__file__).parent / "independent" / "verifier.mjs"


def openssl() -> str:
    """Return the command; Linux always has it, elsewhere its absence is said aloud."""
    found = shutil.which("openssl")
    if found is None and sys.platform != "linux":
        pytest.skip("NO OPENSSL COMMAND: the independent check of signatures was not run")
    assert found, "there is no openssl command"
    return found


def signed_bytes(url: str) -> tuple[bytes, bytes, str]:
    """Take a signed URL apart as the guide describes: policy, signature, hash."""
    base, _, query = url.partition("?")
    ours = {"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"}
    own = [part for part in query.split("&") if part.split("=")[0] not in ours]
    values = dict(parse_qsl(query, keep_blank_values=True))
    if "Policy" in values:
        policy = decode(values["Policy"])
    else:
        resource = base + ("?" + "&".join(own) if own else "")
        condition = {"DateLessThan": {"AWS:EpochTime": int(values["Expires"])}}
        statement = {"Resource": resource, "Condition": condition}
        policy = json.dumps({"Statement": [statement]}, separators=(",", ":")).encode()
    return policy, decode(values["Signature"]), values.get("Hash-Algorithm", "SHA1").lower()


def openssl_accepts(url: str, public_pem: str, folder: Path) -> bool:
    policy, signature, hash_name = signed_bytes(url)
    (folder / "key.pem").write_text(public_pem, encoding="ascii")
    (folder / "signature").write_bytes(signature)
    done = subprocess.run(
        [openssl(), "dgst", f"-{hash_name}", "-verify", "key.pem", "-signature", "signature"],
        cwd=folder,
        input=policy,
        capture_output=True,
        check=False,
    )
    assert (done.returncode == 0) == (done.stdout.strip() == b"Verified OK"), done
    return done.returncode == 0


@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
@pytest.mark.parametrize("kind", ["canned", "custom", "pattern"])
def test_the_openssl_command_verifies_our_urls_and_no_others(
    kind: str, algorithm: KeyAlgorithm, hash_algorithm: HashAlgorithm, tmp_path: Path
) -> None:
    key = PrivateKey.generate(algorithm)
    issuer = Issuer(key, key_pair_id="KOPENSSL", hash_algorithm=hash_algorithm, clock=lambda: NOW)
    pem = key.public_key().to_pem()
    checked = 0
    for url in generated_urls.urls(60, 60):
        try:
            signed = issuer.signed_url(
                url,
                expires_in=3600,
                ip_address="192.0.2.0/24" if kind == "custom" else None,
                resource="http*://*.example.com/*" if kind == "pattern" else None,
                allow_entire_distribution=True,
            )
        except ValueError:
            continue
        checked += 1
        assert openssl_accepts(signed, pem, tmp_path), signed
        if checked == 8:
            break
    assert checked >= 4
    assert not openssl_accepts(signed.replace("Signature=", "Signature=AAAA"), pem, tmp_path)
    assert not openssl_accepts(
        signed, PrivateKey.generate(algorithm).public_key().to_pem(), tmp_path
    )


def javascript_answers(requests: list[Attempt]) -> list[str]:
    keys = {name: key.public_key().to_pem() for name, key in pool().keys.items() if name in TRUSTED}
    question = {
        "keys": keys,
        "requests": [
            {"url": one.url, "cookies": one.cookies, "ip": one.ip, "now": one.now}
            for one in requests
        ],
    }
    answers: list[str] = json.loads(run_node([str(VERIFIER)], json.dumps(question)))
    return answers


def our_answer(attempt: Attempt) -> str:
    verdict = (
        pool()
        .verifier()
        .verify(ViewerRequest(attempt.url, attempt.cookies, attempt.ip), now=attempt.now)
    )
    return verdict.code or "allowed"


def disagreements(requests: list[Attempt]) -> list[tuple[Attempt, str, str]]:
    return [
        (attempt, ours, theirs)
        for attempt, theirs in zip(requests, javascript_answers(requests), strict=True)
        if (ours := our_answer(attempt)) != theirs
    ]


def test_a_verifier_in_javascript_serves_every_genuine_request() -> None:
    requests = [draft(one, "nothing").attempt() for one in pool().credentials]
    assert set(javascript_answers(requests)) == {"allowed"}
    assert disagreements(requests) == []


@pytest.mark.parametrize("seed", [100, 101])
def test_a_verifier_in_javascript_decides_tampered_requests_with_the_same_code(seed: int) -> None:
    requests = list(islice(attempts(seed, pool()), 3_000))
    assert disagreements(requests) == []
    codes = {our_answer(attempt) for attempt in requests}
    assert codes == {
        "allowed", "MissingKey", "InvalidKey", "MalformedSignature", "MalformedPolicy", "AccessDenied",
    }  # fmt: skip


PROTOCOLS = ("https://", "http://", "http*://", "*://")
DOMAINS = (
    "cdn.example.com",
    "cdn.example.com",
    "*",
    "*.example.com",
    "cdn.*",
    "c*m",
    "other.example",
)
PIECES = (
    "a",
    "b",
    "/",
    "/",
    ".",
    "*",
    "*",
    "?",
    "&",
    "=",
    "x",
    "//",
    "%2F",
    "https://",
    "cdn.example.com",
)


def test_a_verifier_in_javascript_agrees_on_random_patterns_and_urls() -> None:
    """Genuine signatures over any Resource, as another signer might make them; any URL."""
    random, key = Random(3), pool().keys["KEC1"]
    requests = []
    for _ in range(2_000):
        resource = f"{random.choice(PROTOCOLS)}{random.choice(DOMAINS)}/{pieces(random)}"
        url = f"https://cdn.example.com/{pieces(random).replace('*', 'c')}"
        if random.random() < 0.5:  # one that is likely covered
            url = resource.replace("http*", "https").replace("*:", "https:")
            url = "".join(pieces(random).replace("*", "") if one == "*" else one for one in url)
        condition = {"DateLessThan": {"AWS:EpochTime": NOW + 9}}
        policy = {"Statement": [{"Resource": resource, "Condition": condition}]}
        requests.append(signed_by_hand(random, key, json.dumps(policy), url))
    assert disagreements(requests) == []
    served = sum(our_answer(attempt) == "allowed" for attempt in requests)
    assert 200 < served < len(requests) - 200


def pieces(random: Random) -> str:
    return "".join(random.choices(PIECES, k=random.randint(0, 6)))


def signed_by_hand(random: Random, key: PrivateKey, policy: str, url: str) -> Attempt:
    signature = key.sign(policy.encode(), HashAlgorithm.SHA1)
    values = (
        ("Policy", encode(policy.encode())),
        ("Signature", encode(signature)),
        ("Key-Pair-Id", "KEC1"),
    )
    one = Genuine(random.choice(("url", "cookies")), url, "", None, None, policy, values)
    return draft(one, "any pattern").attempt()
