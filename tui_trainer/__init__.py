"""Choose a network, an init and a regularizer; train; see what that choice does."""

__version__ = "0.1.0"
