"""What executes steps: one protocol, and the engines behind it.

`eager` is the reference that every other one is held against. Importing this package brings none of
them along.
"""
