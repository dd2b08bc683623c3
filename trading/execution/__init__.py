"""Large orders as small ones: over time (TWAP, VWAP, POV, iceberg) and among venues."""
