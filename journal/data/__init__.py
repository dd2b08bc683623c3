"""Market data on disk: what files of others hold, and the Parquet series that we make of them.

`journal.catalogue` is the way in for whoever wants arrays; what is here reads, checks and writes.
"""
