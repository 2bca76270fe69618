"""The peer that the benchmark runs beside the road."""
