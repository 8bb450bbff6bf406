"""What the service answers when a request ends in an error: a problem, or a page for people."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from signer.problems import problem_of
from signer.service.messages import ALWAYS, Reply

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 32em; margin: 15vh auto; padding: 0 1em }}
a {{ display: inline-block; margin-top: 1em }}
small {{ color: #666 }}
</style>
<h1>{title}</h1>
<p>{detail}</p>
<p><a href="/auth/login">Log in again</a></p>
<small>{code}</small>
"""


def problem(error: Exception) -> Reply:
    """Return the answer to a request that ended in an error; nothing of the request is in it."""
    found = problem_of(error)
    return Reply(
        found.status,
        {**ALWAYS, **found.headers},
        body=found.to_json(),
        code=found.code,
        cause=found.cause,
    )


def page(reply: Reply) -> Reply:
    """Return a problem as a page, for a person whose browser was sent here.

    It has no script and leads nowhere by itself, so that no error can become a circle.
    """
    import html  # noqa: PLC0415 - the page is rare

    content = json.loads(reply.body)
    body = _PAGE.format(**{name: html.escape(str(value)) for name, value in content.items()})
    headers = {
        **reply.headers,
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    }
    return replace(reply, headers=headers, body=body)
