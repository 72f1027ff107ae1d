"""What the operating system says of this process; 0 where it has no /proc."""

import os


def memory_bytes() -> int:
    """Resident memory."""
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - at every scrape; a path object would cost more
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def open_fds() -> int:
    """Open files and connections."""
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names alone are needed
    except OSError:
        return 0
