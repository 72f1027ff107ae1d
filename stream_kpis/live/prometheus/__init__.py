"""What Prometheus reads: families of the values and of the pipeline itself, and how many series they are."""
