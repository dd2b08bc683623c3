"""A simulated venue: matching, money, queue position, latency and generated market data; no I/O."""
