"""docs/grants.md: its tables load, and it names every code."""

from __future__ import annotations

import re
from pathlib import Path

from signer.grants import GrantTable
from tests.grants.tables import BASE

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "grants.md").read_text(encoding="utf-8")
TABLES = re.findall(r"^```toml\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
CODE = re.compile(r'"((?:grants?|item|slot|claim|login)_[a-z_]+|denied)"')
NOT_CODES = {"claims_type"}  # a mistake in the calling program, not in a table or a request


def given(text: str, claims: dict[str, object] | None) -> list[str]:
    table = GrantTable.from_toml(text, base_url=BASE)
    return [permit.resource.removeprefix(BASE) for permit in table.permits(claims)]


def test_the_examples_give_what_the_text_says() -> None:
    first, folder, courses, trailers, invoices = TABLES
    staff: dict[str, object] = {"custom:tenant": "acme", "groups": ["staff"]}
    assert given(first, staff) == given(folder, staff) == ["/t/acme/docs/*"]
    assert given(courses, {"courses": ["algebra", "greek"]}) == [
        "/courses/algebra/*",
        "/courses/greek/*",
    ]
    assert given(trailers, None) == ["/trailers/*"]
    assert given(trailers, {"plan": "premium"}) == ["/trailers/*", "/films/*"]
    assert given(trailers, {"plan": "premium", "blocked": "true"}) == []
    assert given(invoices, {"customer_id": 17}) == ["/invoices/17/*"]


def test_every_code_is_described_and_no_other() -> None:
    sources = [*(ROOT / "signer" / "grants").glob("*.py"), ROOT / "signer" / "access.py"]
    raised = {code for path in sources for code in CODE.findall(path.read_text(encoding="utf-8"))}
    described = set(re.findall(r"`((?:grants?|item|slot|claim|login)_[a-z_]+|denied)`", DOCUMENT))
    assert raised - NOT_CODES == described
