#!/usr/bin/env bash
# What happens in three releases, without a terminal: each person's word is a command of its own.
#
#   examples/release/run.sh
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
cp "$here/plan.yaml" "$here/mandate.toml" "$here/setup" "$work/"
cd "$work"
./setup

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Runs a command that is to end with a person awaited: exit code 4.
awaits_somebody() {
  local code=0
  "$MANDATE" "$@" >said 2>&1 || code=$?
  [ "$code" -eq 4 ] || { cat said; exit 1; }
}

# release VERSION [OPTIONS OF run]: everything that people are asked, answered.
release() {
  local version=$1
  shift
  awaits_somebody run plan.yaml "$@"
  "$MANDATE" approvals approve @last --reason 'the plan is fine' >/dev/null
  awaits_somebody executions continue @last
  "$MANDATE" inbox answer @last --choice "$version" >/dev/null
  awaits_somebody executions continue @last
  "$MANDATE" approvals show @last | grep "demo-$version.tar" | head -1
  "$MANDATE" approvals approve @last --reason 'publish it' >/dev/null
  "$MANDATE" executions continue @last || true
}

say '1. A release: the plan is approved, the question answered, the publication confirmed'
release 1.1.0
ls demo-published

say '2. The channel is not there: the fallback publishes to the spare one'
release 2.0.0 --input channel=demo-nowhere
ls demo-spare

say '3. Nothing can be announced: everything is taken back'
release 1.0.1 --input notes=demo-nowhere/notes.md
ls demo-published
git -C demo tag

say 'What is left of it'
cat demo-releases.log
"$MANDATE" audit verify
