"""A laptop without Docker or Java: a real Kafka, and the whole of stream-kpis on it."""
