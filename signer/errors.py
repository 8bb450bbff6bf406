"""Every error this library raises on purpose, in one tree.

Each error has a short machine-readable ``code`` (for logs, metrics and JSON answers), an
``advice`` that says what to do about it, and ``evidence``: typed values a program may act on.
None of them ever contains key material, a signature or a policy; of a caller's string at most a
short, escaped excerpt is shown.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

_EXCERPT_LENGTH = 80
_SECRET_LOOKING = re.compile(r"-----|[A-Za-z0-9+]{40,}")


def excerpt(text: str) -> str:
    """Return a short printable form of a caller's string for an error message.

    Args:
        text: The offending input. It must not be secret.

    Returns:
        The ``repr`` of the text in ASCII, cut after 80 characters; nothing of it when it looks
        like a key that was passed for something else.
    """
    if _SECRET_LOOKING.search(text):
        return f"({len(text)} characters, not shown because they may be a key)"
    shown = ascii(text[:_EXCERPT_LENGTH])
    return f"{shown}..." if len(text) > _EXCERPT_LENGTH else shown


class SignerError(Exception):
    """Base of all errors of this library; never raised itself.

    Attributes:
        code: Short name of the problem in snake case, stable between versions.
        message: What is wrong, one clause without a final stop.
        advice: What the caller can do about it; empty when there is nothing to add.
        evidence: Values that belong to the problem, safe to log.
    """

    def __init__(self, code: str, message: str, *, advice: str = "", **evidence: object) -> None:
        """Store the parts; ``str(error)`` joins message and advice."""
        super().__init__(f"{message}; {advice}" if advice else message)
        self.code = code
        self.message = message
        self.advice = advice
        self.evidence: Mapping[str, object] = MappingProxyType(evidence)

    def again(self) -> Self:
        """Return a new error that says the same.

        Threads that raise one and the same error entangle its traceback.
        """
        return type(self)(self.code, self.message, advice=self.advice, **self.evidence)


class InputError(SignerError, ValueError):
    """The caller's input cannot be used; nothing was signed."""


class UrlError(InputError):
    """A URL is not one that a viewer can request and CloudFront can check."""


class ResourceError(InputError):
    """A ``Resource`` is malformed, too broad, or does not cover the URL."""


class PolicyError(InputError):
    """A date, an IP range or a policy document is not acceptable."""


class KeyPairIdError(InputError):
    """The value given as key pair id (CloudFront's public key ID) is something else."""


class CookieError(InputError):
    """Cookie attributes are unsafe or contradict each other, or a cookie is too large."""


class ConfigurationError(InputError):
    """A configuration file or setting is wrong; evidence names file and field."""


class KeyMaterialError(InputError):
    """A key cannot be used. The message never contains any of the input."""


class CredentialError(SignerError):
    """A credential document cannot be read, is incomplete, or is not initialised yet."""


class GrantError(InputError):
    """A grants table is wrong, or a grant or item named by a client is not one it may have."""


class IdentityError(SignerError):
    """A token, a log-in or a session is not accepted, or the identity provider cannot be asked.

    The message says what to do and never contains any of the token.
    """


class RequestError(InputError):
    """A request to the issuer's HTTP API is malformed, or comes from where it may not come."""


class RemoteError(SignerError):
    """Another service did not answer, or answered what cannot be used; a retry may help."""


class RotationError(SignerError):
    """A step of a rotation was not taken; nothing that viewers need was changed."""


class PassingError(RotationError):
    """Somebody was faster, or AWS's answers are not of one moment: the next tick looks again."""


class SigningError(SignerError):
    """The key's backend failed, or returned something that is not a signature."""
