"""Ticks of a rotation in a process that dies at random calls of AWS: before them, or right after.

Run as ``python -m tests.dying_ticks ENDPOINT RING SEED``, again and again.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from signer.dev.rotating import client_of
from signer.errors import SignerError
from signer.rotation import driver
from signer.rotation.opening import open_rotation

DIED = 86
SERVICES = ("cloudfront", "secretsmanager", "dynamodb")

# There are some sixty writes in a rotation, and some five hundred reads.
_ODDS = 0.012
_ODDS_OF_A_READ = 0.0005
_READS = ("get_", "list_", "describe_")
_PAUSE = 0.02


class Dying:
    """A client whose process may end at any call, without a word to anybody."""

    def __init__(self, client: object, dice: random.Random) -> None:
        self._client = client
        self._dice = dice

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._client, name)
        odds = _ODDS_OF_A_READ if name.startswith(_READS) else _ODDS

        def called(**members: object) -> object:
            self._perhaps(odds)
            answer: object = method(**members)
            self._perhaps(odds)
            return answer

        return called

    def _perhaps(self, odds: float) -> None:
        if self._dice.random() < odds:
            os._exit(DIED)


def main(endpoint_url: str, ring: str, seed: str) -> None:
    """Tick until it dies."""
    # A tick that died keeps the others away for so long.
    driver.LEASE_SECONDS = 1  # type: ignore[misc]
    dice = random.Random(seed)
    clients = {one: Dying(client_of(endpoint_url, one), dice) for one in SERVICES}
    rotation = open_rotation(ring, clients=clients)
    while True:
        try:
            rotation.tick()
        except SignerError as error:
            sys.stderr.write(f"{error.code}: {error.message}\n")
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main(*sys.argv[1:])
