"""OKX v5, spot and USDT- or USDC-margined swaps; docs/venues/okx.md says which rules hold."""
