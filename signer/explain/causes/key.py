"""What is wrong with the key, or with the name it goes by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from signer.explain.case import Case
from signer.explain.finding import Finding, found, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLACEHOLDERS: Final = {"", "undefined", "null", "none", "nil", "nan", "[object object]", "key"}
_WRAPPERS: Final = "\"'<>{}$ "
_OTHER_IDS: Final = (
    (
        re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
        "the id of a key group (a UUID)",
    ),
    (re.compile(r"A(?:KIA|SIA|IDA|ROA)[A-Z0-9]{8,}"), "the id of an AWS access key"),
    (re.compile(r"APKA[A-Z0-9]{8,}"), "a root user's key pair, which no key group knows"),
    (re.compile(r"E[A-Z0-9]{12,13}"), "the id of a distribution"),
    (re.compile(r"arn:.*"), "an ARN"),
)
_KEY_PAIR_ID: Final = re.compile(r"[A-Z0-9]{8,64}")


def key_pair_id_findings(case: Case) -> Iterator[Finding]:
    """Judge the form of the key pair id (2, 3)."""
    given = case.values.get("Key-Pair-Id")
    if given is None or case.key is not None:
        return
    name = shown(given, limit=64)
    if given.strip(_WRAPPERS).lower() in _PLACEHOLDERS:
        yield found(2, f"Key-Pair-Id is {name!r}.")
    elif meaning := _other_meaning(given):
        yield found(3, f"{name!r} has the form of {meaning}.")


def trust_findings(case: Case) -> Iterator[Finding]:
    """Look the key up among those given (4, 6)."""
    if not case.keys or case.key is not None or not _KEY_PAIR_ID.fullmatch(case.key_pair_id):
        return
    if _other_meaning(case.key_pair_id):
        return
    known = ", ".join(shown(name, limit=64) for name in sorted(case.keys)[:5])
    seen = f"{shown(case.key_pair_id, limit=64)} is not among the keys given ({known})."
    if owner := _signed_by(case):
        seen += f" The signature is by {owner}, so only the id is wrong."
    if case.runs:
        yield found(6, f"{seen} The policy's end lies ahead.")
    else:
        yield found(4, seen)


def _other_meaning(given: str) -> str:
    """Return what an id is instead of a key pair id; empty when it may be one."""
    for pattern, meaning in _OTHER_IDS:
        if pattern.fullmatch(given):
            return meaning
    return "" if _KEY_PAIR_ID.fullmatch(given) else "a name, not of an id"


def _signed_by(case: Case) -> str:
    """Return the name of the key among those given that made the signature."""
    message = (case.signed_text or "").encode("utf-8", errors="backslashreplace")
    for name, key in list(case.keys.items())[:10]:
        if case.signature and key.verify(case.signature, message, case.hash_algorithm):
            return shown(name, limit=64)
    return ""


def key_pair_findings(case: Case) -> Iterator[Finding]:
    """Compare the private key with the public key of the same id (26)."""
    signing, key = case.context.signing_key, case.key
    if signing is None or key is None or signing == key:
        return
    owners = [name for name, known in case.keys.items() if known == signing]
    belongs = f" It belongs to {shown(owners[0], limit=64)}." if owners else ""
    yield found(
        26,
        f"The private key's public half is sha256:{signing.fingerprint[:16]}, the one known as "
        f"{shown(case.key_pair_id, limit=64)} is sha256:{key.fingerprint[:16]}.{belongs}",
    )


def key_type_findings(case: Case) -> Iterator[Finding]:
    """Report keys that were given but that CloudFront would not take (27)."""
    for name, error in case.context.unusable_keys.items():
        yield found(27, f"{shown(name, limit=64)}: {shown(str(error))}.")
