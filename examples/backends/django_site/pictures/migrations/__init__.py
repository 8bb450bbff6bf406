"""The tables, and what is in them at first."""
