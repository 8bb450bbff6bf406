"""The IAM policy of docs/rotation-function.md, part by part."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from tests.lambda_asset import ROOT


@cache
def statements(page: str = "rotation-function.md") -> list[dict[str, Any]]:
    """Return all statements of the policies on a page of the docs."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found: list[dict[str, Any]] = []
    for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        document = json.loads(block)
        found += document.get("Statement", []) if isinstance(document, dict) else []
    return found


def actions_of(statement: dict[str, Any]) -> set[str]:
    """Return the actions of a statement."""
    action = statement["Action"]
    return {action} if isinstance(action, str) else set(action)


def allowed(*parts: str) -> set[str]:
    """Return the actions of the statements whose Sid begins with any of these words."""
    chosen = [one for one in statements() if one["Sid"].startswith(parts)]
    assert chosen, parts
    return set().union(*map(actions_of, chosen))
