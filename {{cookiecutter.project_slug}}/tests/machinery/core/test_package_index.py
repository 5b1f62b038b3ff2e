"""uv is told what pip is told, and what the user told uv himself stays."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lifecycle.core.package_index import variables

OLD, NEW = "24.0", "24.2"
INDEX, MORE = "https://index.example.org/simple", "https://more.example.org/simple"
TOLD = {
    "an index": (f"global.index-url='{INDEX}'", {"UV_DEFAULT_INDEX": INDEX}),
    "an index for installations": (
        f"global.index-url='{MORE}'\ninstall.index-url='{INDEX}'", {"UV_DEFAULT_INDEX": INDEX},
    ),
    "a variable before the files": (
        f":env:.index-url='{INDEX}'\nglobal.index-url='{MORE}'", {"UV_DEFAULT_INDEX": INDEX},
    ),
    "more indexes": (
        f"global.extra-index-url='{INDEX}\\n{MORE}'",
        {"UV_INDEX": f"{INDEX} {MORE}", "UV_INDEX_STRATEGY": "unsafe-best-match"},
    ),
    "a folder alone": (
        "global.find-links='/wheels /more'\nglobal.no-index='true'",
        {"UV_FIND_LINKS": "/wheels,/more", "UV_NO_INDEX": "true"},
    ),
    "an index after all": ("global.no-index='false'", {}),
    "a certificate": ("global.cert='/ca.pem'", {"SSL_CERT_FILE": "/ca.pem"}),
    "a certificate of its own": (
        "global.client-cert='/me.pem'", {"SSL_CLIENT_CERT": "/me.pem"},
    ),
    "a host without one": (
        "global.trusted-host='a.example.org b.example.org'",
        {"UV_INSECURE_HOST": "a.example.org b.example.org"},
    ),
    "a proxy": (
        "global.proxy='http://proxy.example.org:80'",
        dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), "http://proxy.example.org:80"),
    ),
    "patience": (":env:.default-timeout='180'", {"UV_HTTP_TIMEOUT": "180"}),
    "passwords": (
        "global.keyring-provider='auto'", {"UV_KEYRING_PROVIDER": "subprocess"},
    ),
    "of other commands": ("freeze.timeout='10'\ndownload.index-url='x'", {}),
    "nothing": ("", {}),
}  # fmt: skip


@pytest.mark.parametrize("what", TOLD)
def test_uv_is_told_what_pip_is_told(what: str) -> None:
    listed, expected = TOLD[what]
    assert variables({}, listed, OLD) == expected


@pytest.mark.parametrize(
    "own",
    [
        {"UV_DEFAULT_INDEX": MORE},
        {"UV_INDEX_URL": MORE},
    ],
)
def test_what_uv_is_told_by_its_user_stays(own: dict[str, str]) -> None:
    assert variables(own, TOLD["an index"][0], OLD) == own


def test_a_proxy_of_the_shell_stays() -> None:
    found = variables({"https_proxy": "http://mine:1"}, TOLD["a proxy"][0], OLD)
    assert "HTTPS_PROXY" not in found


def test_the_systems_certificates_are_trusted_where_pip_trusts_them() -> None:
    assert variables({}, "", NEW) == {"UV_SYSTEM_CERTS": "true"}
    assert variables({}, "", OLD) == {}
    assert variables({}, "global.cert='/ca.pem'", NEW) == {"SSL_CERT_FILE": "/ca.pem"}
    assert "UV_SYSTEM_CERTS" not in variables({"SSL_CERT_FILE": "/ca.pem"}, "", NEW)


def test_a_command_is_run_with_it_and_its_end_is_ours() -> None:
    command = [sys.executable, "-m", "lifecycle", "package-index", sys.executable, "-c"]
    script = "import os, sys; sys.exit(3 if os.environ['UV_HTTP_TIMEOUT'] == '7' else 1)"
    environment = {"PIP_TIMEOUT": "7", "PYTHONPATH": "src", "PATH": ""}
    assert subprocess.run([*command, script], env=environment).returncode == 3
