"""A command's time goes into its work, not into looking at what its libraries consist of."""

from __future__ import annotations

import os
import subprocess
import sys

# Leaves a circle of objects, which only a collection at the end would find and free.
COMMAND = """
import gc
from lifecycle.core.command import run

class Circle:
    def __del__(self):
        print("collected")

def main():
    circle = Circle()
    circle.itself = circle
    print(gc.get_threshold())

run("circle", main)
"""


def test_what_lives_until_the_end_is_not_collected_at_the_end() -> None:
    variables = {**os.environ, "PYTHONPATH": "src"}
    command = [sys.executable, "-c", COMMAND]
    done = subprocess.run(
        command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert done.stdout == "(50000, 20, 20)\n"
