#!/usr/bin/env bash
# Runs the plan beside this script, kills the process with SIGKILL in the middle, and carries on.
#
#   examples/crash-recovery/run.sh [SECONDS UNTIL THE KILL, default 1.6]
#
# Works in a folder of its own, which it removes. MANDATE names the binary; without it one is built.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -z "${MANDATE:-}" ]; then
  cargo build --release --quiet --manifest-path "$here/../../Cargo.toml" -p mandate-cli
  MANDATE="$here/../../target/release/mandate"
fi
MANDATE=$(realpath "$MANDATE")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/plan.yaml" "$here/witness.sh" "$work/"
cd "$work"
touch mandate.toml # data lies beside it, in .mandate

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. The plan starts; after ${1:-1.6} seconds the process is killed."
"$MANDATE" run plan.yaml --yes &
process=$!
sleep "${1:-1.6}"
kill -9 "$process" 2>/dev/null || true
wait "$process" 2>/dev/null || true
sleep 1 # a payment under way ends by itself: it is a program of its own

say "2. What the journal knows, and what the witness has seen."
"$MANDATE" executions list
cat ledger.txt 2>/dev/null || echo "(nothing was paid)"

say "3. Carrying on. A payment whose answer got lost is in doubt, and waits for somebody who looks."
"$MANDATE" executions continue @last || code=$?
while [ "${code:-0}" -eq 4 ]; do
  step=$("$MANDATE" executions show @last --json | sed -n 's/.*executions resolve [^ ]* \([a-z_0-9]*\(\[[0-9]*\]\)\?\) --done.*/\1/p' | head -n 1)
  [ -n "$step" ] || break
  say "   $step is in doubt: somebody looks into the ledger."
  index=$(printf '%s' "$step" | sed -n 's/.*\[\([0-9]*\)\]/\1/p')
  if [ -n "$index" ]; then what="A-$((17 + index))"; else what=closed; fi
  if grep -q "^$what " ledger.txt; then
    "$MANDATE" executions resolve @last "$step" --done --output "{\"stdout\": \"$what\"}"
  else
    "$MANDATE" executions resolve @last "$step" --not-done
  fi
  code=0
  "$MANDATE" executions continue @last || code=$?
done

say "4. Every payment exactly once:"
cut -d' ' -f1 ledger.txt | sort | uniq -c
test "$(cut -d' ' -f1 ledger.txt | sort | uniq -d)" = "" || { echo "something was paid twice"; exit 1; }
test "$(wc -l < ledger.txt)" -eq 6 || { echo "something was not paid"; exit 1; }

say "5. The record of it:"
"$MANDATE" executions replay @last
"$MANDATE" audit verify
