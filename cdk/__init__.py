"""Infrastructure code: a private, signed distribution with its issuer and its rotation.

Each module has one construct, which other apps can use alone; docs/deploy.md tells how.
"""
