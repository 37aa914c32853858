"""Times in the files of a run: UTC, ISO 8601, to the millisecond."""

from datetime import UTC, datetime


def timestamp() -> str:
    """Write the present time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def seconds_of(text: str) -> float:
    """Return a time in seconds since 1970; 0 of what is no time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
