"""Sets of claims by a seeded generator, as odd as those of hypothesis and made thirty times faster.

It cannot make a failing set smaller; the properties that use it run under hypothesis as well.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

_ODD = [0, 1, -1, 7, 2**63, 10**4000, True, False, None, 1.5, float("nan"), float("inf"), b"a", ""]
_LETTERS = "a/.*?%\\ b~\u00e9\u202e\uff0f\ud800\n\x00"


class Claims:
    """Makes sets of claims, and texts, out of given plain and hostile ones."""

    def __init__(self, seed: int, *, plain: Sequence[str], hostile: Sequence[str]) -> None:
        self._random = random.Random(seed)
        self._plain, self._hostile = plain, hostile

    def one(self) -> dict[str, object] | None:
        """Return a set of claims: often enough one that opens something."""
        kind = self._random.randrange(20)
        if kind == 0:
            return None
        names = ["tenant", "sub", "film", "email"]
        claims: dict[str, object] = {}
        for name in names if kind % 2 else self._random.sample(names, self._random.randrange(5)):
            plain = self._random.random() < 0.5
            claims[name] = self._random.choice(self._plain) if plain else self.value()
        claims["groups"] = "staff" if kind % 2 else self.value()
        if kind in {2, 4}:
            claims["suspended"] = self.value()
        for _ in range(self._random.randrange(3)):
            claims[self.text()] = self.value()
        return claims

    def value(self, depth: int = 0) -> object:
        """Return a value as JSON may have, and some that it cannot."""
        kind = self._random.randrange(10)
        if depth > 2 or kind < 5:
            return self.text()
        if kind < 7:
            return self._random.choice(_ODD)
        count = self._random.choice([0, 1, 1, 2, 3, 4, 30])
        inner = [self.value(depth + 1) for _ in range(count if depth == 0 else count % 5)]
        if kind == 7:
            return {self.text(): one for one in inner}
        return tuple(inner) if kind == 8 else inner

    def text(self) -> str:
        """Return a plain, a hostile or a random text."""
        kind = self._random.randrange(4)
        if kind < 2:
            return self._random.choice(self._plain if kind else self._hostile)
        return "".join(self._random.choices(_LETTERS, k=self._random.randrange(12)))

    def item(self) -> object:
        """Return what somebody may ask for."""
        kind = self._random.randrange(8)
        if kind == 0:
            return self._random.choice([None, 7, 2**63])
        if kind < 3:
            return self.text()
        joined = "/".join(self.text() for _ in range(self._random.randrange(5)))
        return f"/{self._random.choice(['t', 'u', 'photos'])}/{joined}" if kind == 3 else joined

    def choice(self, choices: Sequence[str]) -> str:
        """Return any of the choices."""
        return self._random.choice(choices)
