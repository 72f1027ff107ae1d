"""What arrives: the event contract, the reader of Kafka records, history from files."""
