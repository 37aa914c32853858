"""Choose a network, an init and a regularizer; train; see what that choice does."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tui_trainer.monitor.monitor import Monitor

__version__ = "0.1.0"
__all__ = ["Monitor", "__version__"]


def __getattr__(name: str) -> Any:
    """Import `Monitor` when it is asked for: the program itself starts without it."""
    if name == "Monitor":
        from tui_trainer.monitor.monitor import Monitor

        return Monitor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
