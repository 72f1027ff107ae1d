"""Commands on a deployment: each reads Kafka to the end of what is there, and ends."""
