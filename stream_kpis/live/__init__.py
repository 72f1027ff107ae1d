"""How the KPIs are seen: the read model, metrics, the live page and the API."""
