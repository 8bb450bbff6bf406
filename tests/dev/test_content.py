from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from signer.dev import content
from signer.dev.content import Gallery, find_function, find_gallery
from signer.errors import ConfigurationError


def test_the_gallery_of_a_checkout_is_found() -> None:
    gallery = find_gallery()
    assert gallery.site.is_dir()
    assert gallery.media.is_dir()


def test_what_is_packaged_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("gallery/grants.toml", "function/issue.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    monkeypatch.setattr(content, "_PACKAGED", tmp_path)
    assert find_gallery() == Gallery(tmp_path / "gallery")
    assert find_function() == tmp_path / "function" / "issue.py"


def test_the_function_of_a_checkout_is_found() -> None:
    assert find_function().parent.name == "lambda"


@pytest.mark.parametrize("find", [find_gallery, find_function])
def test_a_missing_part_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, find: Callable[[], object]
) -> None:
    monkeypatch.setattr(content, "_PACKAGED", tmp_path)
    monkeypatch.setattr(content, "_CHECKOUT", tmp_path)
    with pytest.raises(ConfigurationError) as raised:
        find()
    assert raised.value.code == "demo_incomplete"


def test_the_catalogue_names_every_private_file_and_no_other() -> None:
    gallery = find_gallery()
    objects = (*gallery.pictures(), *gallery.film())
    assert all(item.file.is_file() for item in objects)
    assert len(objects) == sum(file.is_file() for file in gallery.media.rglob("*"))


def test_names_need_encoding() -> None:
    keys = [item.key for item in find_gallery().pictures()]
    assert any(" " in key for key in keys)
    assert any(not key.isascii() for key in keys)


def test_media_is_small() -> None:
    gallery = find_gallery()
    assert all(item.file.stat().st_size <= 60 * 1024 for item in gallery.pictures())
    assert sum(item.file.stat().st_size for item in gallery.film()) <= 600 * 1024


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for file in find_gallery().site.rglob("*"):
        if file.suffix in {".html", ".css", ".js"}:
            text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"(?:src|href|url\(|import)[^\n]{0,5}(?:https?:)?//", text), file
