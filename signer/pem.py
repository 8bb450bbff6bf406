"""PEM text as people keep it, brought into the form that parsers read."""

from __future__ import annotations

import re
from typing import Final

from signer.errors import KeyMaterialError

_ARMOUR: Final = re.compile(
    r"-----BEGIN (?P<label>[A-Z0-9 ]{1,40})-----(?P<body>.*?)-----END (?P=label)-----", re.DOTALL
)
_LEGACY_HEADERS = re.compile(r"\A\s*Proc-Type:[^\n]*\n\s*DEK-Info:[^\n]*\n")


def pem_blocks(pem: str | bytes) -> list[tuple[str, str]]:
    """Find the PEM blocks in a text, whatever was done to its line breaks."""
    text = pem.decode("utf-8", errors="replace") if isinstance(pem, bytes) else pem
    text = text.replace("\\r", "").replace("\\n", "\n")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return [(match["label"], match["body"]) for match in _ARMOUR.finditer(text)]


def only_block(blocks: list[tuple[str, str]], kind: str) -> bytes:
    """Rebuild the one block in the form that every parser reads.

    Args:
        blocks: Labels and bodies from :func:`pem_blocks`.
        kind: ``private`` or ``public``, for the error message.

    Raises:
        KeyMaterialError: ``key_malformed`` when there is none, ``key_several``.
    """
    if not blocks:
        raise KeyMaterialError("key_malformed", f"the input has no complete PEM {kind} key")
    if len(blocks) > 1:
        raise KeyMaterialError("key_several", f"the input has {len(blocks)} {kind} keys")
    label, body = blocks[0]
    headers = _LEGACY_HEADERS.match(body)
    preamble = ""
    if headers:
        preamble = "".join(line.strip() + "\n" for line in headers[0].split("\n") if line.strip())
        preamble += "\n"
        body = body[headers.end() :]
    base64 = "".join(body.split())
    # What is not ASCII is not base64; a "?" makes parsers say so without an exception of ours.
    text = f"-----BEGIN {label}-----\n{preamble}{base64}\n-----END {label}-----\n"
    return text.encode("ascii", errors="replace")
