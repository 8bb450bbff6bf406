"""Whether the numbers of an RSA private key belong together.

RFC 8017, 3.2 defines them. Left out is the one thing that takes long: whether p and q are prime.
"""

from __future__ import annotations

from math import lcm
from typing import NamedTuple


class RsaNumbers(NamedTuple):
    """The numbers of RFC 8017, 3.2, under its names; all but `n` and `e` are secret."""

    n: int
    e: int
    d: int
    p: int
    q: int
    dp: int
    dq: int
    q_inverse: int

    def __repr__(self) -> str:
        """Show none of them."""
        return "RsaNumbers(...)"


def consistent(numbers: RsaNumbers) -> bool:
    """Tell whether the numbers fit each other."""
    n, e, d, p, q, dp, dq, q_inverse = numbers
    if p % 2 == 0 or q % 2 == 0 or p == q or min(p, q) < 3 or e % 2 == 0 or e < 3:  # noqa: PLR2004 - the smallest odd prime
        return False
    return (
        p * q == n
        and 0 < d < n
        and e * d % lcm(p - 1, q - 1) == 1
        and dp == d % (p - 1)
        and dq == d % (q - 1)
        and 0 < q_inverse < p
        and q * q_inverse % p == 1
    )
