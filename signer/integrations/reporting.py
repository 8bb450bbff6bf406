"""What happens to errors in a backend: clients get a problem, the log gets the cause."""

from __future__ import annotations

import logging
from collections.abc import Collection

from signer.errors import SignerError
from signer.problems import Problem, problem_of

_log = logging.getLogger("signer.integrations")


def answered(error: SignerError) -> Problem:
    """Return the answer to a request that an error of this library ended, and log what is ours.

    A viewer's mistake, such as a file name that cannot be signed, is told to the viewer alone.
    """
    problem = problem_of(error)
    if problem.cause is not None:
        _log.error("answered %d: %s: %s", problem.status, error.code, error)
    return problem


def left_unsigned(error: SignerError, when: str) -> None:
    """Log that a page goes out without the signed cookies it should have had."""
    _log.warning("no signed cookies %s: %s: %s", when, error.code, error)


def left_out(grants: Collection[str]) -> None:
    """Log which grants a viewer goes without, since their claims ask for too much of them."""
    _log.warning("too many directories, so that none is opened, in grants: %s", ", ".join(grants))


def claims_unknown(error: Exception) -> None:
    """Log that the program's own function for newer claims has failed, and how."""
    _log.error("newer claims could not be loaded", exc_info=error)
