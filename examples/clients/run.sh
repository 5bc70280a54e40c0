#!/usr/bin/env bash
# Serves a folder of its own, and has the client of a language drive it.
#
#   examples/clients/run.sh python
#   examples/clients/run.sh typescript
#
# MANDATE names the binary; without it one is built. What is generated and installed lies under target/clients/.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
language=${1:?give a language: python or typescript}
if [ -z "${MANDATE:-}" ]; then
  cargo build --release --quiet --manifest-path "$here/../../Cargo.toml" -p mandate-cli
  MANDATE="$here/../../target/release/mandate"
fi
MANDATE=$(realpath "$MANDATE")
work=$(mktemp -d)
server=
leave() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap leave EXIT
cp "$here/mandate.toml" "$here/policy.cedar" "$work/"
cd "$work"

# A key for each of the two: the agent asks, and somebody else says yes. The first key is the owner's; only it makes others.
field() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }
owner=$("$MANDATE" keys create owner --role admin --json | field key)
key() { MANDATE_API_KEY=$owner "$MANDATE" keys create "$1" --role "$2" --json | field key; }
agent=$(key bot agent)
approver=$(key ann approver)

"$MANDATE" serve --listen 127.0.0.1:0 --json >serving 2>log &
server=$!
until [ -s serving ]; do
  kill -0 "$server" 2>/dev/null || { cat log >&2; exit 1; }
  sleep 0.05
done

export MANDATE_URL AGENT_KEY APPROVER_KEY PLAN
MANDATE_URL=$(field listening <serving)
AGENT_KEY=$agent APPROVER_KEY=$approver PLAN=$here/plan.json
"$here/$language/run.sh"
