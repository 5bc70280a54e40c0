#!/bin/sh
# What happens in three releases, without a terminal: each person's word is a command of its own.
#   MANDATE=target/release/mandate examples/release/run.sh
set -eu
cd "$(dirname "$0")"
mandate=${MANDATE:-mandate}
case $mandate in /*) ;; */*) mandate=$OLDPWD/$mandate ;; esac
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
m() { "$mandate" --data-dir "$data" "$@"; }
# A person is awaited (4), or something else is wrong.
waits() { m "$@" >/dev/null 2>&1 && return 1 || [ $? -eq 4 ]; }

release() {
    version=$1
    shift
    waits run plan.yaml "$@"                 # the plan waits for approval
    m approvals approve @last >/dev/null
    waits executions continue @last          # the question waits
    m inbox answer @last --choice "$version" >/dev/null
    waits executions continue @last          # the confirmation waits, with the very arguments
    m approvals show @last | grep "demo-$version.tar" >/dev/null
    m approvals approve @last >/dev/null
    m executions continue @last >/dev/null 2>&1 || true
    m executions show @last --json
}

./setup
echo '1. A release.'
release 1.1.0 | grep -o '"status":"[a-z]*"' | head -1
ls demo-published

echo '2. The channel is gone: the fallback publishes to the other one.'
release 2.0.0 --input channel=demo-nowhere | grep -o '"recovered":\[[^]]*\]'
ls demo-spare

echo '3. Nothing can be announced: everything is taken back.'
release 1.0.1 --input notes=demo-nowhere/notes.md >"$data/third.json"
grep -o '"error":{"[^}]*' "$data/third.json" | grep -o '"code":"[A-Z_]*"' | head -1
ls demo-published
git -C demo tag
cat demo-releases.log
m audit verify | head -1
