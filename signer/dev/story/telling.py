"""Telling a story: steps that run one after the other, and what each came to."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx

from signer.errors import SignerError

if TYPE_CHECKING:
    from signer.dev.content import Gallery
    from signer.dev.demo import Demo

_STORIES: Final = {"cloudfront": "signer.dev.story.site", "s3": "signer.dev.story.presigned"}


class StoryError(Exception):
    """A step of the story did not go as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one step went."""

    title: str
    passed: bool
    detail: str
    seconds: float


def tell(demo: Demo, gallery: Gallery, report: Callable[[Step], None]) -> bool:
    """Run every step, report each, and return whether all of them passed."""
    story = importlib.import_module(_STORIES[demo.delivery]).Story
    with story(demo, gallery) as told:
        passed = True
        for title, step in told.steps():
            started = time.monotonic()
            try:
                detail, good = step(), True
            except (StoryError, SignerError, httpx.HTTPError, KeyError, ValueError) as error:
                detail, good = str(error) or type(error).__name__, False
            passed = passed and good
            seconds = time.monotonic() - started
            report(Step(title=title, passed=good, detail=detail, seconds=seconds))
        return passed
