"""The programs of other people that some tests run."""

import os
import shutil

import pytest

_PACKAGES = {
    "alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "chromium": "chromium",
    "openssl": "openssl",
    "prometheus": "prometheus",
    "promtool": "prometheus",
}
_NAMES = {"alertmanager": ("prometheus-alertmanager", "alertmanager"), "chromium": ("chromium", "chromium-browser")}


def tool(name: str) -> str:
    """The path of a program; a test that asks for one that is missing is skipped, and says how to install it.

    With STREAM_KPIS_NOTHING_SKIPPED=1, as in CI, the test fails instead.
    """
    for candidate in _NAMES.get(name, (name,)):
        if path := shutil.which(candidate):
            return path
    line = f"{name} is missing; install it with: make system-deps (Debian: apt-get install {_PACKAGES.get(name, name)})"
    if os.environ.get("STREAM_KPIS_NOTHING_SKIPPED") == "1":
        pytest.fail(line, pytrace=False)
    pytest.skip(line)
