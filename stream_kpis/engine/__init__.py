"""How the numbers are computed: batches in, cells out; synchronous, without I/O, clock or Kafka."""
