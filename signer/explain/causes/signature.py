"""Why a signature is not genuine: what it would be genuine for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from signer.explain.case import Case
from signer.explain.finding import Finding, found, noted, shown
from signer.explain.text_variants import text_variants
from signer.keys import HashAlgorithm, KeyAlgorithm, PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_TRIALS: Final = 700
_RAW_BYTES: Final = 64
_RSA_BYTES: Final = {128, 256, 512}  # the odd ones come from keys of the old kind
_DER_SEQUENCE: Final = b"\x30"


def signature_findings(case: Case) -> Iterator[Finding]:
    """Find what the signature was made over, with which key and how (14-19, 22-26, 32, 40)."""
    if case.signature_state == "unchecked" or not case.signature:
        yield from _shape(case)
        return
    if case.signature_state == "genuine":
        return
    findings = list(_Trials(case).run())
    yield from findings or _unexplained(case)


def hash_findings(case: Case) -> Iterator[Finding]:
    """Find a marker that names no hash (23)."""
    named = case.values.get("Hash-Algorithm")
    if named is not None and named not in HashAlgorithm.__members__:
        yield found(23, f"Hash-Algorithm is {shown(repr(named), limit=40)}.")


def sha1_findings(case: Case) -> Iterator[Finding]:
    """Mention SHA-1 (50)."""
    if case.signature_state == "wrong" or not case.values.get("Signature"):
        return
    if case.hash_algorithm is HashAlgorithm.SHA1:
        how = "named" if "Hash-Algorithm" in case.values else "no Hash-Algorithm is given"
        yield found(50, f"The hash is SHA-1 ({how}).", severity="note")


class _Trials:
    """Tries one deviation after the other until the signature is genuine, within a budget."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.left = _MOST_TRIALS
        self.named = case.hash_algorithm
        self.other = (
            HashAlgorithm.SHA1 if self.named is HashAlgorithm.SHA256 else HashAlgorithm.SHA256
        )
        self.keys = [case.key] if case.key else []
        signing = [case.context.signing_key] if case.context.signing_key else []
        others = (*case.keys.values(), *signing)
        self.strangers = [key for key in others if key not in self.keys]

    def run(self) -> Iterator[Finding]:
        """Yield what explains the signature; nothing when nothing does."""
        text = self.case.signed_text
        if text is None:
            return
        for attempt in (self._hash, self._key, self._padding):
            if finding := attempt(text):
                yield finding
                return
        for cause, other, seen in text_variants(self.case):
            for algorithm in (self.named, self.other):
                if self._genuine(other, algorithm):
                    yield found(cause, seen)
                    if algorithm is self.other:
                        yield self._marker()
                    return

    def _genuine(
        self,
        text: str,
        algorithm: HashAlgorithm,
        *,
        keys: list[PublicKey] | None = None,
    ) -> bool:
        message = text.encode("utf-8", errors="backslashreplace")
        for key in self.keys if keys is None else keys:
            self.left -= 1
            if self.left < 0:
                return False
            if key.verify(self.case.signature, message, algorithm):
                return True
        return False

    def _hash(self, text: str) -> Finding | None:
        return self._marker() if self._genuine(text, self.other) else None

    def _marker(self) -> Finding:
        given = "Hash-Algorithm" in self.case.values
        return found(
            23,
            f"The signature is genuine with {self.other.value}, but the request "
            + (f"names {self.named.value}." if given else "names no hash, which means SHA1."),
            advice="Add Hash-Algorithm=SHA256 (as a cookie: CloudFront-Hash-Algorithm)."
            if self.other is HashAlgorithm.SHA256
            else "Remove the Hash-Algorithm marker, or sign with SHA-256.",
        )

    def _key(self, text: str) -> Finding | None:
        for algorithm in (self.named, self.other):
            for key in self.strangers:
                if self._genuine(text, algorithm, keys=[key]):
                    return found(26, self._owner(key))
        return None

    def _owner(self, key: PublicKey) -> str:
        names = [name for name, known in self.case.keys.items() if known == key]
        whose = f"the key of {shown(names[0])}" if names else "the private key given"
        return f"It was signed with {whose}, but names {shown(self.case.key_pair_id, limit=64)}."

    def _padding(self, text: str) -> Finding | None:
        """Look for the forms in which CloudFront takes no signature."""
        message = text.encode("utf-8", errors="backslashreplace")
        for key in self.keys:
            for algorithm in HashAlgorithm:
                if key.verify_raw(self.case.signature, message, algorithm):
                    return found(24, "The signature is genuine once r and s are DER-encoded.")
                if key.verify_pss(self.case.signature, message, algorithm):
                    return found(25, f"The signature is genuine as RSA-PSS ({algorithm.value}).")
        return None


def _shape(case: Case) -> Iterator[Finding]:
    """Judge what can be seen of a signature without a key."""
    size, read = len(case.signature), case.signature_base64
    if case.keys or not case.values.get("Signature"):
        return
    if size == _RAW_BYTES and not _is_der(case.signature):
        yield found(24, f"The signature has {_RAW_BYTES} bytes and is not DER.")
    elif read and read.candidates and size not in _RSA_BYTES and not _is_der(case.signature):
        yield Finding(
            cause=None,
            code="signature_form",
            title="The signature is neither RSA nor ECDSA",
            seen=f"It has {size} bytes; RSA-2048 makes 256, P-256 about 71 in DER.",
            advice="Look whether it was cut, or is a placeholder.",
        )
    yield noted(
        "signature_unchecked",
        "The signature was not checked",
        "No public key was given.",
        advice="Give it: --public-key KID=FILE.",
    )


def _is_der(signature: bytes) -> bool:
    return signature[:1] == _DER_SEQUENCE and signature[1:2] == bytes([len(signature) - 2 & 0xFF])


def _unexplained(case: Case) -> Iterator[Finding]:
    """Say what remains when no single accident explains the signature."""
    signing = case.context.signing_key
    if case.key is None or signing not in {None, case.key}:
        return
    expected = case.key.algorithm
    seen = f"It does not fit the policy, with either hash, for the {expected.value} key."
    if expected is KeyAlgorithm.ECDSA_P256 and len(case.signature) == _RAW_BYTES:
        yield found(24, f"The signature has {_RAW_BYTES} bytes and is not DER.")
    elif case.kind == "canned" and case.shown.transport == "cookies":
        yield found(40, f"The cookies were not signed for {shown(case.shown.url)}.")
    else:
        yield Finding(
            cause=None,
            code="signature_wrong",
            title="The signature does not belong to this policy, key and hash",
            seen=seen,
            advice="Check with --key which key signs; if it is this one, the policy or "
            "the URL was changed in a way that is not in the catalogue.",
        )
