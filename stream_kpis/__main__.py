"""``python -m stream_kpis`` is ``stream-kpis``."""

from stream_kpis.cli import main

if __name__ == "__main__":
    main()
