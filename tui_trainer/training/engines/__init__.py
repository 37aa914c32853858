"""What executes steps: one protocol, and the engines behind it.

`eager` is the reference that every other engine is compared with. Importing this package
imports none of them.
"""
