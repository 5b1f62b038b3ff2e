"""The parts of the lifecycle that are there: found by looking, so that one can be deleted."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import lifecycle


def offering(name: str) -> Iterator[tuple[str, ModuleType]]:
    """Yield, of each part that has a module `name`, what the part is about, and that module."""
    for package in pkgutil.walk_packages(lifecycle.__path__, "lifecycle."):
        if package.ispkg and importlib.util.find_spec(f"{package.name}.{name}"):
            about = (importlib.import_module(package.name).__doc__ or package.name).strip()
            yield about, importlib.import_module(f"{package.name}.{name}")
