"""Writes docs/conformance.md: what ours was compared with, the counts, and every difference.

python -m tests.conformance_report
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.botocore_comparison import COUNT, Comparison, compare
from tests.peer_differences import DIFFERENT
from tests.peer_signing import CASES
from tests.test_tampering import CHUNKS, FORGED_PER_CHUNK

PAGE = Path(__file__).resolve().parent.parent / "docs" / "conformance.md"

_HEAD = """# Conformance

What the library was compared with, how often, and where it differs on purpose. This page is written by
`python -m tests.conformance_report`; a test fails when it is out of date.

| beside | what | test |
|---|---|---|
| other signers' own test cases | {cases} cases | `tests/test_conformance.py` |
| botocore | {urls:,} canned URLs, more than 2,500 custom policies | `tests/test_botocore.py` |
| a browser's parser (ada), urllib3, requests, Node | more than 20,000 wire forms, 2,000 signed URLs: none is changed | `tests/test_fixed_point.py` |
| an oracle that knows what was issued | {forged:,} forged requests: none is accepted, none raises | `tests/test_tampering.py` |
| the `openssl` command | URLs of both key types, both hashes, both kinds of policy | `tests/test_independent_verifiers.py` |
| a verifier in JavaScript, on Node's cryptography | more than 8,000 requests: same decision, same error code | `tests/test_independent_verifiers.py` |

"""

_VECTORS = """## Test cases of other signers

`tests/vectors/peer_test_cases.json` holds {total} cases from the public test suites of other signers. {run} run as
they stand; {listed} are listed below with the reason why our rule is another one, and each has a check of what ours
does instead (`tests/peer_differences.py`). None is skipped.

On both sides of a comparison the key pair id is replaced by one that ours accepts (`my_id` is not one), and the clock
stands one minute before the expiry, because the dates of the cases are in the past. Keys of 1,024 bits sign nothing
here: for those, the text that ours hands to the key must be the peer's policy, and the peer's signature must verify
over that text. All other RSA results are compared byte for byte.

| suite | cases | run | listed |
|---|---|---|---|
{suites}

| case | why ours differs |
|---|---|
{differences}

"""

_BOTOCORE = """## botocore

`CloudFrontSigner` and ours sign {total:,} generated URLs with one RSA key, SHA-1, canned policies and expiries spread
over a year (`tests/botocore_comparison.py`, the same URLs at every run). botocore's result counts as right when every
client (a browser's WHATWG parser, urllib3, requests) sends it unchanged, CloudFront finds one set of its parameters
in it, the rest is the URL that was signed, and no `*` or second `?` in it can act as a wildcard.

| outcome | URLs |
|---|---|
| the same bytes: botocore is right | {identical:,} |
| ours returns another URL, which clients send unchanged; botocore's would be refused, at least from some of them | {normalised:,} |
| ours refuses; botocore's would be refused by CloudFront, or never arrive | {refused:,} |
| ours refuses out of caution; botocore's would work | {cautious:,} |

| what ours changed (first difference) | URLs |
|---|---|
{normalised_rows}

| why ours refused | URLs |
|---|---|
{refused_rows}

| refused out of caution | URLs |
|---|---|
{cautious_rows}

Custom policies are equal too, member order included; `tests/test_botocore.py` compares them as JSON and as text.
`Issuer.generate_presigned_url` takes botocore's arguments and returns botocore's URL, with these differences: a
policy is read, checked and written anew; a policy that a canned one can express becomes canned; a whole
distribution is refused.
"""


def text() -> str:
    """Return the whole page, except that the counts of the last run are kept."""
    page = PAGE.read_text(encoding="utf-8")
    return head() + vectors_section() + page[page.index("## botocore") :]


def head() -> str:
    """Return what stands above the sections."""
    return _HEAD.format(cases=len(CASES), urls=COUNT, forged=CHUNKS * FORGED_PER_CHUNK)


def vectors_section() -> str:
    """Return the section about other signers' test cases."""
    suites: Counter[str] = Counter(_suite(case["id"]) for case in CASES)
    listed: Counter[str] = Counter(_suite(case_id) for case_id in DIFFERENT)
    return _VECTORS.format(
        total=len(CASES),
        run=len(CASES) - len(DIFFERENT),
        listed=len(DIFFERENT),
        suites="\n".join(
            f"| {suite} | {count} | {count - listed[suite]} | {listed[suite]} |"
            for suite, count in sorted(suites.items())
        ),
        differences="\n".join(
            f"| `{case_id}` | {difference.reason} |" for case_id, difference in DIFFERENT.items()
        ),
    )


def botocore_section(result: Comparison) -> str:
    """Return the section about botocore."""
    return _BOTOCORE.format(
        total=result.total,
        identical=result.identical,
        normalised=result.normalised.total(),
        refused=result.refused.total(),
        cautious=result.cautious.total(),
        normalised_rows=_rows(result.normalised),
        refused_rows=_rows(result.refused, mark="`"),
        cautious_rows=_rows(result.cautious),
    )


def _suite(case_id: str) -> str:
    return "keys" if case_id.startswith("key/") else case_id.partition("/")[0]


def _rows(counts: Counter[str], mark: str = "") -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "\n".join(f"| {mark}{name}{mark} | {count:,} |" for name, count in ordered)


if __name__ == "__main__":
    PAGE.write_text(head() + vectors_section() + botocore_section(compare()), encoding="utf-8")
