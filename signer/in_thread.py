"""Work that may take its time, for programs with an event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def in_thread(
    work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Do something in a thread of the event loop's, and return what it returned."""
    # Who awaits this has it loaded; for everybody else it would be a tenth of a cold start.
    import asyncio  # noqa: PLC0415

    return await asyncio.to_thread(work, *args, **kwargs)
