"""Answer a Bento's own smoke request with its real application, without opening a port.

Run by `package` in the serving environment: `python -m lifecycle.serving.smoke BENTO ANSWER`.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import bentoml

from lifecycle.contract.errors import StageError
from lifecycle.serving.entrance import PREDICT
from lifecycle.serving.refusal import recorded


@recorded()
def main(bento: Path, target: Path) -> None:
    """Write the answer to the smoke request of `bento` to `target`."""
    with warnings.catch_warnings():
        # Starlette would rather have a newer client than the one BentoML brings.
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient
    body = json.loads((bento / "src/release/smoke.json").read_text(encoding="utf-8"))["request"]
    with TestClient(bentoml.load(str(bento)).to_asgi()) as client:
        answer = client.post(PREDICT, json=body)
    if answer.status_code != 200:
        raise StageError(f"it was answered with {answer.status_code}: {answer.text}")
    target.write_text(answer.text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
