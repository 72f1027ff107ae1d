"""The exporter over HTTP: /metrics, the API, the live page, and long work that routes begin."""
