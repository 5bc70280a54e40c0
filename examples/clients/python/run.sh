#!/usr/bin/env bash
# Generates a client from docs/openapi.json, and runs main.py with it. MANDATE_URL, AGENT_KEY, APPROVER_KEY and PLAN say where,
# as whom and what: examples/clients/run.sh sets them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
place=$root/target/clients/python
mkdir -p "$place"
if ! cmp -s "$here/requirements.txt" "$place/installed"; then
  python3 -m venv --clear "$place/venv"
  "$place/venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$place/installed"
fi
if ! cmp -s "$root/docs/openapi.json" "$place/generated.json"; then
  "$place/venv/bin/openapi-python-client" generate --fail-on-warning --meta none --overwrite \
    --path "$root/docs/openapi.json" --config "$here/generate.yml" --output-path "$place/mandate_client"
  cp "$root/docs/openapi.json" "$place/generated.json"
fi
PYTHONPATH=$place "$place/venv/bin/python" "$here/main.py"
