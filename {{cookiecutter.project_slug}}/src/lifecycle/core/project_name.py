"""The project's name, by which Docker Compose knows its containers."""

from __future__ import annotations

from lifecycle.core.params import load_params


def main() -> None:
    """Print it."""
    print(load_params().project.name)
