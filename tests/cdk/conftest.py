from __future__ import annotations

import pytest

from tests.cdk.stages import STAGES
from tests.cdk.templates import Json, template_of


@pytest.fixture(params=STAGES)
def any_stage(request: pytest.FixtureRequest) -> Json:
    """The template of each configuration: for what always holds."""
    return template_of(**STAGES[request.param])
