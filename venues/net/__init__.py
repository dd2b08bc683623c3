"""Drivers over real sockets for every venue's adapter: HTTP, WebSockets, clock, budget, streams."""
