"""Path patterns of cache behaviors, and the path they are compared with.

AWS source: "Cache behavior settings" (DownloadDistValuesCacheBehavior), section on the path
pattern: ``*`` stands for zero or more characters, ``?`` for exactly one, letters' case counts, a
leading slash may be left out, and paths are normalised "consistent with RFC 3986" before they are
compared while the origin receives the raw path.
"""

from __future__ import annotations

import re
from functools import lru_cache

from signer.errors import ConfigurationError, excerpt

MAX_PATTERN_LENGTH = 255
"""Longest path pattern that CloudFront stores."""

_ALLOWED = re.compile(r"[A-Za-z0-9_\-.*?$/~\"'@:+&]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_KEPT_ENCODED = "/%"


def check_path_pattern(pattern: str, *, field: str) -> None:
    """Refuse a path pattern that CloudFront would not store.

    Raises:
        ConfigurationError: ``path_pattern``.
    """
    if not _ALLOWED.fullmatch(pattern):
        raise ConfigurationError(
            "path_pattern",
            f"{field}: {excerpt(pattern)} is not a path pattern",
            advice="use letters, digits, _ - . $ / ~ \" ' @ : + & and the wildcards * and ?",
            field=field,
        )
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise ConfigurationError(
            "path_pattern",
            f"{field}: the pattern has {len(pattern)} characters",
            advice=f"CloudFront takes {MAX_PATTERN_LENGTH}",
            field=field,
        )


def path_matches(pattern: str, path: str) -> bool:
    """Tell whether a behavior's pattern covers a path from :func:`normalized_path`."""
    return _compiled(pattern.removeprefix("/")).fullmatch(path.removeprefix("/")) is not None


def normalized_path(raw_path: str) -> str:
    """Return the form of a raw path that path patterns are compared with.

    Percent-escapes of printable ASCII are decoded (except those of ``/`` and ``%``), others
    written in upper case, dot segments resolved, then repeated slashes merged. One object thus has
    one form, so that a request cannot slip past a behavior by encoding its path differently. The
    guide only says "consistent with RFC 3986"; decoding reserved characters as well is this
    edge's reading of it.

    That holds for origins that read paths like this. Some take ``%2F`` or a backslash for a slash,
    or merge slashes before they resolve dots; where signatures matter, the edge refuses such paths
    (:func:`signer.edge.form.ambiguous`).
    """
    decoded = _ESCAPE.sub(_decoded, raw_path)
    segments: list[str] = []
    parts = decoded.removeprefix("/").split("/")
    for part in parts:
        if part == "..":
            # An empty segment is one too: "/a//.." is "/a/" (RFC 3986, section 5.2.4).
            del segments[-1:]
        elif part != ".":
            segments.append(part)
    is_folder = parts[-1] in {"", ".", ".."}
    named = [segment for segment in segments if segment]
    return "/" + "/".join(named) + ("/" if named and is_folder else "")


def _decoded(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    if "!" <= character <= "~" and character not in _KEPT_ENCODED:
        return character
    return escape[0].upper()


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile wildcards so that matching never backtracks beyond the last ``*``.

    An atomic group around "anything, then this literal run" takes the first place where the run
    occurs, which is always as good as a later one.
    """
    runs = [
        "".join("." if character == "?" else re.escape(character) for character in run)
        for run in re.split(r"\*+", pattern)
    ]
    if len(runs) == 1:
        return re.compile(runs[0], re.DOTALL)
    middle = "".join(f"(?>.*?{run})" for run in runs[1:-1])
    return re.compile(f"{runs[0]}{middle}.*{runs[-1]}", re.DOTALL)
