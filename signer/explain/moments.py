"""Points in time in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_UNITS = (("day", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_LONG = 2 * 365
_FORMAT = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A point in time for reading.

    Attributes:
        epoch: Seconds since 1970.
        utc: Date and time in UTC.
        local: The same in the reader's time zone, with the zone's name.
        relative: Distance from now, such as ``in 2 h 13 min`` or ``3 days ago``.
    """

    epoch: int
    utc: str
    local: str
    relative: str

    def __str__(self) -> str:
        """Join UTC and distance."""
        return f"{self.utc} ({self.relative})"


def moment(epoch: int, *, now: float, zone: tzinfo = UTC) -> Moment:
    """Describe an epoch second.

    Args:
        epoch: Seconds since 1970; any number.
        now: Present time, likewise.
        zone: Time zone of the reader.
    """
    return Moment(
        epoch=epoch,
        utc=_calendar(epoch, UTC),
        local=_calendar(epoch, zone),
        relative=_relative(epoch - int(now)),
    )


def calendar_day(epoch: int) -> datetime | None:
    """Return the UTC date and time; None when no calendar has it."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=epoch)
    except OverflowError:
        return None


def duration(seconds: int) -> str:
    """Write a positive duration with its two largest units."""
    if seconds >= _LONG * 86_400:
        return f"{seconds // 31_556_952} years"
    parts: list[str] = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def _relative(distance: int) -> str:
    if distance == 0:
        return "now"
    return f"in {duration(distance)}" if distance > 0 else f"{duration(-distance)} ago"


def _calendar(epoch: int, zone: tzinfo) -> str:
    instant = calendar_day(epoch)
    if instant is None:
        return "beyond the year 9999" if epoch > 0 else "before the year 1"
    try:
        local = instant.astimezone(zone)
    except (OverflowError, ValueError, OSError):
        local = instant
    return f"{local.strftime(_FORMAT)} {local.tzname() or local.strftime('%z')}"
