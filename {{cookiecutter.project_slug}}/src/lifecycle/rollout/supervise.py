"""supervisord with its socket in the working directory, however long that folder's path is.

supervisord makes every path absolute, and a path to a socket may have no more than 107 characters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from supervisor import supervisord
from supervisor.options import ServerOptions


class _Options(ServerOptions):
    def server_configs_from_parser(self, parser: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = super().server_configs_from_parser(parser)
        for one in found:
            one["file"] = Path(one["file"]).name
        return found


if __name__ == "__main__":
    # As its own `main`, without the restart that a SIGHUP would ask for.
    options = _Options()
    options.realize()
    options.first, options.test = True, False
    supervisord.go(options)
    options.close_httpservers()
    options.close_logger()
