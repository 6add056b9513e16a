"""Losses that several families share: functions of one Translation. Their options are set by name in a Term."""
