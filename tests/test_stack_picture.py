"""The picture of the stack in docs/architecture.md is what its template says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from tests.cdk.templates import LOGIN, template_of

ROOT = Path(__file__).resolve().parent.parent


def test_it_is_up_to_date_and_shows_what_matters() -> None:
    spec = importlib.util.spec_from_file_location("draw_stack", ROOT / "tools" / "draw_stack.py")
    assert spec
    assert spec.loader
    draw = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = draw
    spec.loader.exec_module(draw)
    picture = draw.picture(template_of(issuer=LOGIN))
    page = draw.PAGE.read_text(encoding="utf-8")
    assert draw.with_picture(page, picture) == page, "run: python tools/draw_stack.py"
    for arrow in (
        "SiteCloudFront_distribution --> Keyskey_group_made_once",
        "SiteCloudFront_distribution --> Siteprivate_bucket",
        "Issuerissue_function --> Keyssigning_secret",
        "Keystick_function --> Keysstandby_secret",
    ):
        assert f"  {arrow}\n" in picture
    assert "Issuerissue_function --> Keysstandby_secret" not in picture
