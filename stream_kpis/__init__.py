"""Live KPIs of customer relations from Kafka events, exact and provable."""
