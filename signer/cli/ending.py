"""Other requests to end take the way of Ctrl-C, the one that cleans up."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_REQUESTS: Final = ("SIGTERM", "SIGHUP", "SIGBREAK")


@contextmanager
def ending_like_ctrl_c() -> Iterator[None]:
    """Turn the signals that ask a program to end into KeyboardInterrupt, while this is entered."""
    before = {}
    for name in _REQUESTS:
        number = getattr(signal, name, None)
        # Under nohup a hang-up is ignored, and stays so.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _interrupt(*_: object) -> None:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.raise_signal(signal.SIGINT)
        return
    # A shell script starts what runs in its background deaf to Ctrl-C, and asyncio does not prepare
    # for it then. From a callback of its own it ends the loop: a server's task could swallow it.
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        _end()
    else:
        loop.call_soon_threadsafe(_end)


def _end() -> None:
    raise KeyboardInterrupt
