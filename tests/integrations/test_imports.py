"""An integration imports its framework and nothing else that would have to be installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
{before}
import signer.integrations.{module}
loaded = {{name.partition(".")[0] for name in sys.modules}}
watched = {{"aws_lambda_powertools", "boto3", "botocore", "django", "fastapi", "flask", "httpx",
           "joserfc", "rich", "starlette", "uvicorn"}}
print(*sorted(loaded & watched))
"""
CONFIGURED = "from django.conf import settings; settings.configure()"


@pytest.mark.parametrize(
    ("module", "needed", "before"),
    [
        ("viewer", "", ""),
        ("opening", "", ""),
        ("flask", "flask", ""),
        ("starlette", "starlette", ""),
        ("django", "django", CONFIGURED),
    ],
)
def test_a_framework_alone_is_enough(module: str, needed: str, before: str) -> None:
    code = CODE.format(module=module, before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == needed
