"""Bybit v5, spot and linear perpetuals: codecs, signing, sessions and a simulator."""
