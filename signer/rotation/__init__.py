"""Rotation of signing keys that no viewer notices.

:mod:`signer.rotation.plan` decides, and is the place to begin reading; everything else observes,
does what was decided, and writes it down. docs/rotation.md is for those who operate it.
"""
