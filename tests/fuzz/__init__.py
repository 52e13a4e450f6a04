"""Fuzzing: what the library does with bytes that nobody would write."""
