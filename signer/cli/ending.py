"""Other requests to end take the way of Ctrl-C, the one that cleans up."""

from __future__ import annotations

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
    # A shell script starts what runs in its background deaf to Ctrl-C.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)
