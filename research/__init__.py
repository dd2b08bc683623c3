"""Questions to backtests: sweeps, optimisers, validation, overfitting statistics, reports."""
