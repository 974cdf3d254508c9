"""What neonsync costs, measured: ``python -m benchmarks ui``."""
