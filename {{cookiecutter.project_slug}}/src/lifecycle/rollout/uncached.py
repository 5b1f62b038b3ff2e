"""Run a module that takes nothing below a folder from Python's cache of compiled code.

A cache is believed by the time and size of the source that it names, or by nothing at all: whoever
writes one beside the code decides what runs, and no manifest of sources would show it. The modules
of the environment come from their caches as always, so a start takes as long as before.
"""

from __future__ import annotations

import atexit
import gc
import os
import runpy
import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from types import CodeType


class Uncached(SourceFileLoader):
    """Compiles each source anew, and keeps nothing."""

    def get_code(self, fullname: str) -> CodeType:
        """Return what the source says."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def forbid(folder: str) -> None:
    """Let whatever is imported from below a folder be compiled from its source."""
    top = os.path.realpath(folder)

    def finder(path: str) -> FileFinder:
        place = os.path.realpath(path or os.curdir)
        if place != top and not place.startswith(top + os.sep):
            raise ImportError(path=path)
        # No library and no compiled module is looked for, only sources.
        return FileFinder(path, (Uncached, SOURCE_SUFFIXES))

    sys.path_hooks.insert(0, finder)
    sys.path_importer_cache.clear()


if __name__ == "__main__":
    forbid(sys.argv[1])
    # As in command.py, which is of the project: nothing but this file runs before what is served.
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)
    # As `python -m` would run it.
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
