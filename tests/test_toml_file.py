from __future__ import annotations

from pathlib import Path

import pytest

from signer.errors import ConfigurationError
from signer.toml_file import read_toml_file


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_text('name = "ä"\n[table]\ndays = 3\n', encoding="utf-8")
    assert read_toml_file(file) == {"name": "ä", "table": {"days": 3}}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: "),
        (b"a = '\xff'", "is not UTF-8 text"),
        (b"a = ", "is not TOML: "),
        (b"a = " + b"9" * 5000, "is not TOML: "),
        (b"a = " + b"[" * 5000, "is nested too deeply"),
    ],
    ids=["missing", "octets", "broken", "long number", "deep"],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, problem: str) -> None:
    file = tmp_path / "some.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        read_toml_file(file)
    assert caught.value.code == "configuration_file"
    assert caught.value.message.startswith(f"{file}: {problem}")
