"""Stands in for `docker` in workflows: records each call, and answers the few that are made there.

The image itself is built and run for real by test_image.py and test_compose.py.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

STATE = Path(os.environ["STAND_IN_STATE"])


def main() -> None:
    """Record the call and answer it."""
    arguments = sys.argv[1:]
    with (STATE / "docker.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(arguments) + "\n")
    match arguments[0]:
        case "run":
            # What an inventory says of one environment here is as good as that of an image.
            place = repr(os.environ["STAND_IN_SERVING_VENV"])
            script = sys.stdin.read().replace('root: str = "/"', f"root: str = {place}")
            command = [sys.executable, "-I", "-"]
            sys.exit(subprocess.run(command, input=script, text=True, check=False).returncode)
        case "push":
            print(f"latest: digest: sha256:{'0123456789abcdef' * 4} size: 1234")
        case "build" | "tag":
            pass
        case other:
            sys.exit(f"the stand-in does not know docker {other}")


if __name__ == "__main__":
    main()
