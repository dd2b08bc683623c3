"""Coinbase Advanced Trade, spot: its wire both ways."""
