"""The issuer's HTTP API, without a framework: requests in, replies out.

``lambda/issue.py`` turns AWS's events into a :class:`Request` and a :class:`Reply` into AWS's
answers; anything else that speaks HTTP can do the same. Routes, settings and errors are in
docs/issuer.md.
"""

from signer.service.failures import problem
from signer.service.messages import Reply, Request
from signer.service.service import Service
from signer.service.settings import Settings

__all__ = ["Reply", "Request", "Service", "Settings", "problem"]
