"""What every venue's simulator is made of: account, books, faults, limits, streams, process."""
