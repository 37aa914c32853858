"""The data sets: a module each, which a data set preset names in `function`.

A module here has ``make(dataset, generator) -> Data``. It draws from `generator` alone, the
training inputs before the validation inputs; points have the preset's number of `features`.
"""
