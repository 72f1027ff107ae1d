"""Speed on this machine: the worker, what limits it, and others doing the same job. See docs/benchmarks.md."""
