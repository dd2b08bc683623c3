"""A simulated venue: matching, money, queue position and generated market data; no I/O."""
