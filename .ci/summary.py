"""Whether the summary of a run (`manta run ... --json`) is that of a good one; exit code 1 if not.

python .ci/summary.py summary.json
"""

import json
import sys
from pathlib import Path
from typing import Any

KEYS = (
    "run_id",
    "mode",
    "events",
    "orders",
    "fills",
    "fees",
    "pnl",
    "restarts",
    "discrepancies",
    "latency_ms",
    "event_log_sha256",
    "duration_s",
)


def problems(summary: dict[str, Any]) -> list[str]:
    """What is wrong with a summary, one sentence each."""
    found = [f"no {key!r}" for key in KEYS if key not in summary]
    if found:
        return found
    ledger = summary["ledger"]
    if not summary["orders"].get("FILLED"):
        found.append(f"no order was filled: {summary['orders']}")
    if summary["discrepancies"]["open"]:
        found.append(f"discrepancies are open: {summary['discrepancies']}")
    if not ledger["equal"]:
        found.append(f"our fills are not the venue's: {ledger}")
    if ledger["duplicate_client_order_ids"]:
        found.append(f"orders were sent twice: {ledger['duplicate_client_order_ids']}")
    if summary["duration_s"] > 60:
        found.append(f"it took {summary['duration_s']} s")
    return found


def main(path: str) -> int:
    """Check one summary."""
    summary = json.loads(Path(path).read_text())
    found = problems(summary)
    for problem in found:
        print(f"{path}: {problem}", file=sys.stderr)
    if not found:
        print(
            f"{summary['run_id']}: {summary['fills']} fills, equal to the venue's ledger, "
            f"{summary['discrepancies']['found']} discrepancies found and none open, "
            f"{summary['duration_s']} s"
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
