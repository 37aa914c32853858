"""Tables of data files, each read once while it stays as it is: a sweep wants one many times."""

import threading
from collections import OrderedDict

from tui_trainer.config.validation import InvalidSettingsError
from tui_trainer.task.files.opening import Progress, Stamp, kind_of, short_name, stamp_of
from tui_trainer.task.files.table import Table

_KEPT = 4

_lock = threading.Lock()
_tables: OrderedDict[str, tuple[Stamp, Table]] = OrderedDict()


def load_table(file: str, progress: Progress | None = None) -> Table:
    """Return a file's table; one thread at a time reads, the others wait.

    Raises:
        InvalidSettingsError: one line that names the file and says what is wrong with it.
    """
    kind = kind_of(file)
    with _lock:
        stamp = stamp_of(file)
        known = _tables.pop(file, None)
        if known is None or known[0] != stamp:
            del known  # its memory may be needed
            known = stamp, _read(file, kind, progress)
            if stamp_of(file) != stamp:
                raise InvalidSettingsError(f"{short_name(file)}: it changed while it was read")
        _tables[file] = known
        while len(_tables) > _KEPT:
            _tables.popitem(last=False)
    return known[1]


def _read(file: str, kind: str, progress: Progress | None) -> Table:
    # Each takes what it needs alone: pyarrow is slow to import.
    if kind == ".npz":
        from tui_trainer.task.files.npz_table import read_npz

        return read_npz(file, progress)
    if kind == ".parquet":
        from tui_trainer.task.files.parquet_table import read_parquet

        return read_parquet(file, progress)

    from tui_trainer.task.files.csv_table import read_csv

    return read_csv(file, "\t" if kind == ".tsv" else ",", progress)
