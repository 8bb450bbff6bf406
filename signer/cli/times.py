"""Times on the command line: durations, and points in time with a zone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

import click

_DURATION: Final = re.compile(r"(?:[0-9]{1,10}[wdhms])+|[0-9]{1,10}")
_PART: Final = re.compile(r"([0-9]+)([wdhms]?)")
_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1, "": 1}
_LATEST_32_BIT: Final = 2_147_483_647
_MILLISECONDS: Final = 10**11  # refused later, as such
_EPOCH: Final = re.compile(r"[0-9]{1,18}")


class Duration(click.ParamType[int]):
    """``90m``, ``1h30m``, ``7d``, or seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's signature
        """Return seconds."""
        text = str(value).strip().lower()
        if not _DURATION.fullmatch(text):
            self.fail(f"{value!r} is not a duration such as 90m, 1h30m, 7d or 3600.", param, ctx)
        return sum(int(count) * _SECONDS[unit] for count, unit in _PART.findall(text))


class Moment(click.ParamType[int]):
    """ISO 8601 with a time zone, or seconds since 1970."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's signature
        """Return epoch seconds."""
        text = str(value).strip()
        if _EPOCH.fullmatch(text):
            return _noted(int(text))
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"{value!r} is not a time such as 2027-01-31T18:00:00Z or 1801418400.", param, ctx
            )
        if moment.utcoffset() is None:
            self.fail(f"{value!r} has no time zone; append Z or +01:00.", param, ctx)
        return _noted(int(moment.timestamp()))


def _noted(epoch: int) -> int:
    if _LATEST_32_BIT < epoch < _MILLISECONDS:
        click.echo("warning: the time is beyond 2038-01-19, where older texts stop", err=True)
    return epoch


def time_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options about when access begins and ends."""
    for option in (
        click.option("--from", "begin", type=Moment(), help="Access begins after this second."),
        click.option("--until", type=Moment(), help="End: 2027-01-31T18:00:00Z, or epoch seconds."),
        click.option("--expires-in", type=Duration(), help="Life: 90m, 1h30m, 7d, or seconds."),
    ):
        command = option(command)
    return command


def now_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--now``, for reproducible answers."""
    return click.option(
        "--now", type=Moment(), help="Take this as the present time.", show_default=False
    )(command)


def clock_at(now: int | None) -> Callable[[], float]:
    """Return the clock, or one that stands still at a given time."""
    return time.time if now is None else lambda: float(now)


def end_of_access(expires_in: int | None, until: int | None, *, clock: Callable[[], float]) -> int:
    """Return the end in epoch seconds.

    Raises:
        click.UsageError: Neither or both are given.
    """
    if expires_in is not None and until is None:
        return int(clock()) + expires_in
    if until is not None and expires_in is None:
        return until
    raise click.UsageError("Give either --expires-in or --until.")


class LocalZone(tzinfo):
    """This machine's time zone, with the offset that it had or will have at each point in time."""

    def fromutc(self, dt: datetime) -> datetime:
        """Convert from UTC."""
        local = dt.replace(tzinfo=UTC).astimezone()
        return local.replace(tzinfo=self)

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        """Return the offset at a local time."""
        return None if dt is None else dt.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, dt: datetime | None) -> timedelta | None:
        """Return nothing: the offset has everything in it."""
        del dt
        return None

    def tzname(self, dt: datetime | None) -> str | None:
        """Return the zone's name at a local time."""
        return None if dt is None else dt.replace(tzinfo=None).astimezone().tzname()
