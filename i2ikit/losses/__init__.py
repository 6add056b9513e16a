"""Losses that several families share: plain functions of one Translation. Options are given by name in a Term."""
