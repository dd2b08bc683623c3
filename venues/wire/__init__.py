"""What every venue folder shares: pure values and contracts of the wire, no sockets."""
