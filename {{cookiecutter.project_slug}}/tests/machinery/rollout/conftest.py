"""The service as clients reach it: through the proxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rollout.served import behind_the_proxy, serving

from lifecycle.core.params import Params


@pytest.fixture(scope="session")
def service_port(
    release: Path, real_params: Params, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of a real worker behind the real proxy; see `served` for its keys."""
    folder = tmp_path_factory.mktemp("hostile")
    with serving(release, folder) as worker, behind_the_proxy(real_params, worker, folder) as found:
        yield found
