"""Where the gallery lies, what is in it, and its backend."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from signer.errors import ConfigurationError

_PACKAGED = Path(__file__).parent / "gallery"
_CHECKOUT = Path(__file__).parents[2] / "examples" / "gallery"

# Not from the operating system's table, which differs between machines.
_CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaObject:
    """One private object: its key in the bucket, its file and its content type."""

    key: str
    file: Path
    content_type: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """The demo's folder: the public site, the private media, the catalogue of both."""

    folder: Path

    @property
    def site(self) -> Path:
        """Return the folder of the public page."""
        return self.folder / "site"

    @property
    def media(self) -> Path:
        """Return the folder of the private objects; a key is a path below it."""
        return self.folder / "media"

    def pictures(self) -> tuple[MediaObject, ...]:
        """Return the pictures in the order in which the page shows them."""
        return tuple(self._object(picture["key"]) for picture in self._catalogue()["pictures"])

    def film(self) -> tuple[MediaObject, ...]:
        """Return the film's master playlist, then everything that it leads to."""
        return tuple(self._object(key) for key in self._catalogue()["film"]["parts"])

    def backend(self) -> ModuleType:
        """Return the gallery's ``backend.py``, loaded: an example, not part of the package."""
        return _load(self.folder / "backend.py")

    def _catalogue(self) -> dict[str, Any]:
        # Names come from here and not from a listing: some file systems decompose accents.
        text = (self.site / "assets" / "catalogue.json").read_text("utf-8")
        catalogue: dict[str, Any] = json.loads(text)
        return catalogue

    def _object(self, key: str) -> MediaObject:
        file = self.media / key
        return MediaObject(key=key, file=file, content_type=_CONTENT_TYPES[file.suffix])


def find_gallery() -> Gallery:
    """Find the gallery: inside an installed package, or in the checkout around this file.

    Raises:
        ConfigurationError: It is in neither place.
    """
    for folder in (_PACKAGED, _CHECKOUT):
        if (folder / "backend.py").is_file():
            return Gallery(folder)
    raise ConfigurationError(
        "gallery_missing",
        "the demo's gallery is not beside the package",
        advice="install the wheel, or run from a checkout of the repository",
    )


def _load(file: Path) -> ModuleType:
    name = "gallery_backend"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ConfigurationError("gallery_backend", f"{file.name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # Registered first: the module's own annotations are resolved through this table.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
