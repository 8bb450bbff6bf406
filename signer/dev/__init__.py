"""The demo behind ``signer dev``: a private gallery on this machine, from bucket to browser.

MiniStack plays S3, a FastAPI backend (``examples/gallery/backend.py``) issues with the library, and
the local edge stands in front of both. Needs the extra ``dev``.
"""
