"""The demo's whole story, told by an HTTP client: what ``signer dev --check`` runs."""

from signer.dev.story.telling import Step, StoryError, tell

__all__ = ["Step", "StoryError", "tell"]
