"""Runs uv so that it finds packages where pip finds them, in a company's own index as well.

uv reads neither pip.conf nor the PIP_ variables; this says them in its own words, which the user's
UV_ variables outrank. Needs nothing but Python and pip: it is what fills an environment.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata, util

# The sections of pip's configuration that concern an installation; the later outranks the earlier.
SECTIONS = ("global", "install", ":env:")
# From this version on pip trusts what the system trusts, where no certificate is named.
SYSTEM_CERTIFICATES_SINCE = (24, 2)
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def configured(listed: str) -> dict[str, str]:
    """Return pip's options by name, from what `pip config list` prints."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in found and value:
            found[section][option.replace("_", "-")] = str(ast.literal_eval(value))
    return {key: value for section in SECTIONS for key, value in found[section].items()}


def translated(options: Mapping[str, str], version: tuple[int, ...]) -> dict[str, str]:
    """Return uv's variables for pip's options, and for what pip does by itself."""
    words = {key: value.split() for key, value in options.items()}
    found = {
        "UV_DEFAULT_INDEX": options.get("index-url", ""),
        "UV_INDEX": " ".join(words.get("extra-index-url", [])),
        # pip takes the best that any index has; the locks' hashes say what that may be.
        "UV_INDEX_STRATEGY": "unsafe-best-match" if "extra-index-url" in options else "",
        "UV_FIND_LINKS": ",".join(words.get("find-links", [])),
        "UV_NO_INDEX": "true"
        if options.get("no-index", "").lower() in ("1", "true", "yes")
        else "",
        "UV_INSECURE_HOST": " ".join(words.get("trusted-host", [])),
        "UV_HTTP_TIMEOUT": options.get("timeout", options.get("default-timeout", "")),
        "UV_KEYRING_PROVIDER": options.get("keyring-provider", ""),
        "SSL_CERT_FILE": options.get("cert", ""),
        "SSL_CLIENT_CERT": options.get("client-cert", ""),
        **{name: options.get("proxy", "") for name in PROXIES},
    }
    if found["UV_KEYRING_PROVIDER"] not in ("", "disabled", "subprocess"):
        found["UV_KEYRING_PROVIDER"] = "subprocess"
    if not found["SSL_CERT_FILE"] and version >= SYSTEM_CERTIFICATES_SINCE:
        found["UV_SYSTEM_CERTS"] = "true"
    return {name: value for name, value in found.items() if value}


# What a user may have set himself by an older name.
ALIASES = {
    "UV_DEFAULT_INDEX": ("UV_INDEX_URL",),
    "UV_INDEX": ("UV_EXTRA_INDEX_URL",),
    "UV_SYSTEM_CERTS": ("UV_NATIVE_TLS", "SSL_CERT_FILE", "SSL_CERT_DIR"),
}


def variables(environment: Mapping[str, str], listed: str, version: str) -> dict[str, str]:
    """Return the environment for uv: the user's own, and what pip is told besides."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    said = translated(configured(listed), numbers)
    missing = {
        name: value
        for name, value in said.items()
        if not any(environment.get(one) for one in (name, name.lower(), *ALIASES.get(name, ())))
    }
    return {**environment, **missing}


def main(given: argparse.Namespace) -> None:
    """Run the command that is given, and end with its exit code."""
    environment: Mapping[str, str] = os.environ
    # Somebody may have removed it: then there is nobody to agree with.
    if util.find_spec("pip"):
        asked = [sys.executable, "-m", "pip", "config", "list"]
        listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        environment = variables(os.environ, listed, metadata.version("pip"))
    raise SystemExit(subprocess.run(given.command, env=environment, check=False).returncode)
