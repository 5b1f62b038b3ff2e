"""Where the project under test lies, and the example that the tests of the machinery are about."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# src/project/, schema.yaml, params.yaml and expectations/ as this project was generated with them.
EXAMPLE = HERE / "example"
# What a process imports that a test starts: the example as `project`, whatever the owner's is.
CODE = os.pathsep.join([str(EXAMPLE), str(ROOT / "src")])
