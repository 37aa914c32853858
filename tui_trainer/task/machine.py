"""What this process may use of its machine: processors and memory. Needs no torch."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

_UNKNOWN = 4 * 2**30  # bytes of memory, where the machine does not tell
# In control groups of version 2 and of version 1: where they are, the limit, and what is used.
_UNIFIED = "sys/fs/cgroup", "memory.max", "memory.current"
_MEMORY = "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_bytes(root: Path = Path("/")) -> int:
    """Return how much more memory this process can have, without swap.

    That is the least of what the machine has left, what is left of the limits of the process's
    control group and those above it, and of its own limit. `root` has /proc and /sys.
    """
    return max(0, min(_of_machine(root), *_of_groups(root), _of_process(root)))


def _of_machine(root: Path) -> int:
    kilobytes = _table(root / "proc/meminfo").get("MemAvailable:")
    if kilobytes is not None:
        return 1024 * kilobytes
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN


def _of_groups(root: Path) -> Iterator[int]:
    """Yield what is left of each limit; the kernel gives files' pages back before it kills."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top, limit_file, used_file = _MEMORY if controllers else _UNIFIED
        group = root / top / path.lstrip("/")
        # In a container the path may be the host's; its own group is at the top then.
        for folder in (group, *group.parents):
            if not folder.is_relative_to(root / top):
                break
            limit, used = _read(folder / limit_file).strip(), _read(folder / used_file).strip()
            if limit.isdigit() and used.isdigit():
                yield int(limit) - int(used) + _reclaimable(folder)


def _reclaimable(group: Path) -> int:
    table = _table(group / "memory.stat")
    # Version 1 has the sums over groups below under other names.
    return sum(table.get(f"total_{k}", table.get(k, 0)) for k in ("active_file", "inactive_file"))


def _of_process(root: Path) -> int:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        limit = 2**63
    pages = _read(root / "proc/self/statm").split()
    return limit - resource.getpagesize() * int(pages[0]) if pages else limit


def _table(file: Path) -> dict[str, int]:
    """Read lines of a name and a number."""
    rows = (line.split() for line in _read(file).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
