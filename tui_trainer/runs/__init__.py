"""Runs on disk: recorded while they go on, read, resumed, repeated and branched off."""
