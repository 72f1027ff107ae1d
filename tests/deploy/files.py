"""What the tests of the deployment read: the files as they are committed."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"[a-z/]+:v?\d+\.\d+\.\d+(-[a-z]+)*@sha256:[0-9a-f]{64}")
"""An image by its exact tag, for people, and its digest, which counts."""


def document(path: str) -> Any:
    """The one document of a YAML file."""
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def documents(folder: str) -> list[dict[str, Any]]:
    """Every document of the YAML files in a folder, but for kustomize's own and settings."""
    return [
        found
        for path in sorted((ROOT / folder).glob("*.yaml"))
        if path.name not in ("kustomization.yaml", "settings.yaml")
        for found in yaml.safe_load_all(path.read_text("utf-8"))
    ]
