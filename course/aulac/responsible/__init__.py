"""Answering for a model: what it memorised, what it is for, where it came from."""
