"""Every test case of other signers runs against ours, or is listed with the reason why not."""

from __future__ import annotations

from collections import Counter

import pytest

from signer.errors import SignerError
from tests import conformance_report
from tests.peer_differences import DIFFERENT
from tests.peer_runs import RUNS
from tests.peer_signing import CASES, Case

IDS = [case["id"] for case in CASES]
RUN = [case for case in CASES if case["id"] not in DIFFERENT]
LISTED = [case for case in CASES if case["id"] in DIFFERENT]


@pytest.mark.parametrize("case", RUN, ids=lambda case: case["id"])
def test_case_of_another_signer(case: Case) -> None:
    RUNS[case["kind"]](case)


@pytest.mark.parametrize("case", LISTED, ids=lambda case: case["id"])
def test_case_that_differs_on_purpose(case: Case) -> None:
    """Ours does what the list says, and the list has no case that could run after all."""
    DIFFERENT[case["id"]].ours(case)
    with pytest.raises((AssertionError, KeyError, SignerError, pytest.fail.Exception)):
        RUNS[case["kind"]](case)


def test_no_case_is_skipped() -> None:
    assert len(CASES) == 152
    assert max(Counter(IDS).values()) == 1
    assert DIFFERENT.keys() <= set(IDS)
    assert {case["kind"] for case in CASES} == RUNS.keys()
    assert len(RUN) + len(LISTED) == len(CASES)
    assert len(LISTED) == 28


def test_the_page_of_differences_is_current() -> None:
    """Rewrite docs/conformance.md with: python -m tests.conformance_report."""
    assert conformance_report.PAGE.read_text(encoding="utf-8") == conformance_report.text()
