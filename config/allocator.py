"""The memory allocator of commands that compute: they ask for millions of short texts, and the C library's own is slow at that."""

from __future__ import annotations

import ctypes.util
import os
import sys

#: Name of the library; Debian's package is libjemalloc2.
LIBRARY = "jemalloc"
#: Groups of commands that are started with it.
COMPUTING = frozenset({"govern", "linkage"})


def fast_allocator() -> dict[str, str]:
    """Variables that put jemalloc in place in a process that is started with them.

    None where the machine does not have it, or where somebody chose: an ``LD_PRELOAD`` that is set, even to nothing, stays as it is.
    """
    # It is looked up and not loaded: once a process runs there is no room any more for what it keeps of each thread.
    library = None if "LD_PRELOAD" in os.environ else ctypes.util.find_library(LIBRARY)
    return {"LD_PRELOAD": library} if library else {}


def use_fast_allocator(command: str) -> None:
    """Start this process again with jemalloc where the command computes; once, since the new one finds it chosen.

    Parameters
    ----------
    command : str
        Group that is called.

    Notes
    -----
    An allocator can only be put in place before a process begins. Processes that the command starts in turn inherit it.
    """
    chosen = fast_allocator() if command in COMPUTING else {}
    if chosen:
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **chosen})  # noqa: S606 - ourselves again
