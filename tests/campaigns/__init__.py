"""Seeded generators of hostile input, for tests of seconds and for ``benchmarks/reliability.py``, which runs minutes."""
