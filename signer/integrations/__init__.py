"""Signed cookies and signed URLs in backends: Starlette and FastAPI, Flask, Django.

Each module serves one framework and imports only that one. What they share: the framework's
session remembers a :class:`~signer.integrations.viewer.Viewer`, and everything that is signed
goes through one :class:`signer.access.Access`.
"""
