"""A picture: a private file and a public one."""

from __future__ import annotations

from django.core.files.storage import storages
from django.db import models


class Picture(models.Model):
    """A picture of the gallery."""

    title: models.CharField[str, str] = models.CharField(max_length=100)
    file = models.FileField()
    cover = models.FileField(storage=storages["public"])

    def __str__(self) -> str:
        """Return the title."""
        return self.title
