"""No crash, no error and no delay at any call of a rotation is noticed by any viewer.

All single faults: every call of a rotation, every fault that makes a difference to it, every way to
go on (tests/rotation/crashes.py, which also runs two faults at once, on demand).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from signer.rotation.ring import Custody
from tests.rotation.crashes import Run, clean_run, run_all, singles
from tests.rotation.faults import Fault, Next, Strike
from tests.rotation.world import KIND, SETTINGS, BrokenPromiseError, quick_documents

PARTS = 12


@cache
def methods() -> tuple[str, ...]:
    with quick_documents():
        return tuple(clean_run().methods)


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("part", range(PARTS))
def test_no_single_fault_is_noticed(part: int) -> None:
    cases = [(strike,) for strike in list(singles(list(methods())))[part::PARTS]]
    with quick_documents():
        report = run_all(cases)
    assert report.violations == []
    assert report.runs == len(cases)
    # The signing key, one that drains, one that stands by, and one that waits to be deleted.
    assert report.most_keys <= 4
    # Half as many calls again at the most, and then half a day after a week without ticks.
    assert report.most_calls < 2 * len(methods())
    assert report.longest < (7 * 24 + 48) * 3600


@pytest.mark.slow
@pytest.mark.no_cover
def test_no_single_fault_keeps_a_ring_from_beginning() -> None:
    with quick_documents():
        clean = clean_run(from_nothing=True)
        cases = [(strike,) for strike in singles(clean.methods)]
        report = run_all(cases, Run(from_nothing=True))
    assert report.violations == []
    assert report.runs == len(cases) > 1500


IN_KMS = replace(
    SETTINGS,
    next_key=replace(KIND, custody=Custody.KMS),
    issuer_role_arn="arn:aws:iam::111122223333:role/issuer",
)


@pytest.mark.slow
@pytest.mark.no_cover
def test_no_single_fault_at_kms_is_noticed() -> None:
    asked_of_kms = {
        "create_grant", "create_key", "describe_key", "disable_key", "get_public_key", "list_keys",
        "schedule_key_deletion", "sign",
    }  # fmt: skip
    with quick_documents():
        clean = clean_run(IN_KMS)
        cases = [
            (strike,)
            for strike in singles(clean.methods)
            if clean.methods[strike.at] in asked_of_kms
        ]
        report = run_all(cases, Run(IN_KMS))
    assert report.violations == []
    assert report.runs == len(cases) > 500


def test_the_matrix_is_as_large_as_it_says() -> None:
    strikes = list(singles(list(methods())))
    assert len(strikes) > 5000
    assert {strike.fault for strike in strikes} == set(Fault)
    assert {strike.then for strike in strikes} == set(Next)
    assert {strike.at for strike in strikes} == set(range(len(methods())))


def test_each_fault_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    struck: list[Fault] = []
    strike = Run._struck

    def counted(run: Run, fault: Fault, *rest: object) -> object:
        struck.append(fault)
        return strike(run, fault, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Run, "_struck", counted)
    call = methods().index("update_key_group")
    for fault in Fault:
        at = call if fault.fits("update_key_group") else methods().index("get_key_group", 40)
        with quick_documents():
            assert run_all([(Strike(at, fault, Next.RETRY),)]).violations == []
    assert struck == list(Fault)


def test_a_violation_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Run) -> float:
        raise BrokenPromiseError("on purpose")

    monkeypatch.setattr(Run, "finish", broken)
    report = run_all([(Strike(3, Fault.THROTTLED, Next.RETRY),)])
    assert report.violations == ["call 3: THROTTLED, RETRY: BrokenPromiseError('on purpose')"]
