"""Benchmarks of signing, verifying and importing, against the limits and the peers.

Run with ``make bench`` or ``python -m benchmarks``; docs/benchmarks.md says how it is measured.
"""
