#!/usr/bin/env bash
# Generates types from docs/openapi.json, checks main.ts against them, and runs it. MANDATE_URL, AGENT_KEY, APPROVER_KEY and
# PLAN say where, as whom and what: examples/clients/run.sh sets them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
place=$root/target/clients/typescript
mkdir -p "$place"
cp "$here/package.json" "$here/package-lock.json" "$here/tsconfig.json" "$here/main.ts" "$place/"
cd "$place"
if ! cmp -s package-lock.json installed; then
  npm ci --silent --no-audit --no-fund
  cp package-lock.json installed
fi
if ! cmp -s "$root/docs/openapi.json" generated.json; then
  npx --no-install openapi-typescript "$root/docs/openapi.json" --empty-objects-unknown --output mandate.d.ts
  cp "$root/docs/openapi.json" generated.json
fi
npx --no-install tsc
node main.js
