"""Put the demo's pictures and film into the wheel, from the one place where they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GalleryHook(BuildHookInterface[Any]):
    """Ship `examples/gallery` as `signer/dev/gallery`.

    A static force-include would fail while the folder is absent, and would copy the files into
    site-packages for an editable install, where the checkout already has them.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folder to a standard wheel."""
        gallery = Path(self.root) / "examples" / "gallery"
        if version == "standard" and gallery.is_dir():
            build_data["force_include"][str(gallery)] = "signer/dev/gallery"
