"""What a script may see of how it runs, and how it may end; no torch."""

import atexit
import multiprocessing
import os
import sys
import threading


class Thing:
    pass


def name(thing):
    return type(thing).__module__, os.path.basename(sys.modules["__main__"].__file__)


def end(how):
    if how == "raise":
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError("the script's own mistake") from error
    elif how == "interrupt":
        raise KeyboardInterrupt
    elif how == "hook":
        sys.excepthook = lambda kind, error, trace: print("hook:", kind, trace.tb_lineno)
        raise ValueError
    elif how == "exit":
        sys.exit(7)
    elif how == "words":
        sys.exit("words of its own")


if __name__ == "__main__":
    print(sys.argv, sys.path[0], __file__, __package__, __name__, __doc__, __builtins__)
    print(sys.modules["__main__"].Thing is Thing)
    print(type(__loader__).__name__, getattr(__spec__, "name", 0))
    print(sorted(vars()), sys.flags.optimize, sys.warnoptions)
    if sys.argv[1] == "spawn":
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(name, (Thing(),)))
    atexit.register(lambda: print("at exit", end.__name__, sys.modules["__main__"].end is end))
    threading.Timer(0.05, lambda: print("late", end.__name__)).start()
    end(sys.argv[1])
