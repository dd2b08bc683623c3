# What a contributor types. `just` needs nothing but uv; each verb is one line you can also copy.

set shell := ["bash", "-euo", "pipefail", "-c"]

_default:
    @just --list

# lint, formatting, types and import contracts: what pre-commit runs
check:
    uv run ruff check .
    uv run ruff format --check .
    uv run mypy
    uv run lint-imports --no-cache

# tests that need no Ray (seconds)
test *ARGS:
    uv run pytest -m "not ray" {{ARGS}}

# tests that start a local Ray (minutes)
ray *ARGS:
    uv run pytest -m ray {{ARGS}}

# all benchmarks, one after the other; each prints machine, commit and numbers
bench:
    for file in benchmarks/*.py; do echo "== $file"; uv run python "$file"; done

# the main job
run PRESET="quickstart" *ARGS:
    uv run manta run {{PRESET}} {{ARGS}}

# examples and links of README and docs/
docs:
    uv run pytest tests/tidy -q

# write the exact versions of all packages to pyproject.toml (`just pin --upgrade` takes new ones)
pin *ARGS:
    uv run python .ci/pins.py write {{ARGS}}

# everything that CI does
ci:
    .ci/run

# format and repair what can be repaired
fix:
    uv run ruff check --fix .
    uv run ruff format .
