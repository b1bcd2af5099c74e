"""Speed, measured: ``make bench`` or ``python -m benchmarks.run``; docs/performance.md tells the results."""
