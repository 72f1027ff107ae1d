"""How it runs: Faust and Kafka."""
