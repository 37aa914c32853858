"""Many candidates at once: which learning rate, how much regularization?

`sweeper` trains them; `axes` and `plan` say which they are, `events` what happened, `results` what
it amounts to. Importing this package brings none of them along.
"""
