"""What a measured program says about itself, to whoever measures it."""

import json
import signal
import time
from typing import Any


def mark(name: str, **fields: Any) -> None:
    """Prints a mark with the wall clock."""
    print(json.dumps({"mark": name, "at_s": time.time(), **fields}), flush=True)


def wait_to_be_ended() -> None:
    """Stays, so that what the system knows of this process can be read."""
    signal.pause()
