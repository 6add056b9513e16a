"""Blocks that several plugins are built from."""
