"""What is wrong with the dates."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final

from signer.explain.case import Case
from signer.explain.finding import Finding, found, shown
from signer.explain.moments import calendar_day, duration, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

_MILLISECONDS: Final = 10**11
_MINUTE: Final = 60
_LATEST: Final = 9_223_372_036


def window_findings(case: Case) -> Iterator[Finding]:
    """Compare the window with the time of the request (9, 10)."""
    end = case.policy.date_less_than if case.policy else None
    start = case.policy.date_greater_than if case.policy else None
    zone, now = case.context.zone, case.now
    if end is not None and now >= end:
        yield found(9, f"It ended {moment(end, now=now, zone=zone)}.")
    if start is None or start >= _MILLISECONDS:
        return
    if int(now) <= start:
        begins = moment(start, now=now, zone=zone)
        yield found(10, f"It begins after {begins}; the second named is itself refused.")
    elif now - start <= _MINUTE:
        yield found(
            10,
            f"It began {int(now) - start} s ago; a clock that is behind would refuse it.",
            severity="warning",
        )
    if end is not None and start >= end:
        yield found(10, "The start is not before the end, so the policy is never valid.")


def millisecond_findings(case: Case) -> Iterator[Finding]:
    """Find dates in milliseconds (11)."""
    if case.policy is None:
        return
    for name, value in (
        ("the end", case.policy.date_less_than),
        ("the start", case.policy.date_greater_than),
    ):
        if value is None or value <= _LATEST:
            continue
        if value >= _MILLISECONDS:
            meant = moment(value // 1000, now=case.now, zone=case.context.zone)
            yield found(11, f"As milliseconds {name} {value} would be {meant}.")
        else:
            yield found(11, f"{name.capitalize()} {value} is after 2262-04-11, the last date.")


def expires_findings(case: Case) -> Iterator[Finding]:
    """Compare Expires with the policy beside it (14)."""
    expires, end = case.values.get("Expires"), case.policy and case.policy.date_less_than
    if case.kind == "custom" and case.shown.transport == "url" and expires not in {None, str(end)}:
        yield found(
            14,
            f"Expires is {shown(expires or '', limit=40)}, but the policy beside it ends at {end}; "
            "the policy counts.",
            severity="warning",
        )


def misread_findings(case: Case) -> Iterator[Finding]:
    """Look for a date that fits when read otherwise (12)."""
    end = case.policy.date_less_than if case.policy else None
    start = case.policy.date_greater_than if case.policy else None
    if end is not None and end <= case.now:
        name, date, wanted = "end", end, 1
    elif start is not None and int(case.now) <= start < _MILLISECONDS:
        name, date, wanted = "start", start, -1
    else:
        return
    for other, how in _readings(case, date):
        if (other - case.now) * wanted > 0 and (start is None or end is None or start < end):
            read = moment(other, now=case.now, zone=case.context.zone)
            yield found(12, f"{how}, the {name} would be {read}.", severity="warning")
            return


def download_findings(case: Case) -> Iterator[Finding]:
    """Compare what is left with the time that a download takes (49)."""
    seconds = case.context.download_seconds
    end = case.policy.date_less_than if case.policy else None
    if seconds is None or end is None or not case.runs or case.now + seconds < end:
        return
    left = duration(int(end - case.now))
    yield found(
        49,
        f"{left} are left and the download takes {duration(seconds)}; a range request or retry "
        f"after {moment(end, now=case.now).utc} is refused.",
        severity="warning",
    )


def _readings(case: Case, date: int) -> Iterator[tuple[int, str]]:
    """Yield other readings of a date: its local time, and day and month swapped."""
    day = calendar_day(date)
    if day is None:
        return
    offset = _utc_offset(day, case.context.zone)
    if offset:
        for other in (date - offset, date + offset):
            yield other, "Read as local time"
    if day.month <= 12 and day.day <= 12 and day.day != day.month:  # noqa: PLR2004 - months
        swapped = day.replace(month=day.day, day=day.month)
        name = shown(swapped.strftime("%d %B"))
        yield int(swapped.timestamp()), f"With day and month swapped ({name})"


def _utc_offset(day: datetime, zone: tzinfo) -> int:
    try:
        offset = day.astimezone(zone).utcoffset()
    except (OverflowError, ValueError, OSError):
        return 0
    return int(offset.total_seconds()) if offset else 0
