#!/usr/bin/env bash
# Records journals with every kind of event, by the real binary: one folder for each scene, under the folder that is named.
#
#   crates/cli/tests/golden/journals/record.sh MANDATE FOLDER
#
# Run when a version is about to be tagged, from the tag's own build, into a folder that is not there yet (`v2`, …); then
# add what `sha256sum` says of its files to DIGESTS. A recording, once committed, is never made again: see
# docs/compatibility.md. Needs sqlite3 and Python.
set -euo pipefail
M=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fake="$here/../../../../tools/tests/it/fake_server.py"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home MANDATE_HOST_IDLE_MS=200
mkdir -p "$HOME"

# scene NAME: a project of its own.
scene() {
  name=$1
  mkdir -p "$work/$name"
  cd "$work/$name"
  : > mandate.toml
}

# m CODE ARGS: runs the binary, which must end with that code.
m() {
  local wanted=$1 code=0
  shift
  "$M" "$@" >said 2>&1 || code=$?
  [ "$code" -eq "$wanted" ] || { echo "$name: mandate $*: $code instead of $wanted"; cat said; exit 1; }
}

until_true() {
  for _ in $(seq 600); do
    if eval "$1" 2>/dev/null; then return; fi
    sleep 0.05
  done
  echo "$name: never: $1"
  exit 1
}

# Keeps the journal of the scene as text.
keep() {
  until_true '! flock -n .mandate/lock true || true; flock -n .mandate/lock true'
  "$M" audit verify >said 2>&1 || { echo "$name:"; cat said; exit 1; }
  local to=$out/$name
  mkdir "$to"
  cp .mandate/keys/audit.key .mandate/audit-head "$to/"
  {
    for pragma in application_id user_version; do
      echo "PRAGMA $pragma = $(sqlite3 .mandate/journal.db "PRAGMA $pragma");"
    done
    sqlite3 .mandate/journal.db .dump
  } > "$to/journal.sql"
  # What each execution had come to.
  sqlite3 .mandate/journal.db 'SELECT execution_id FROM executions ORDER BY execution_id' | while read -r id; do
    "$M" executions show "$id" --json
  done > "$to/shown.jsonl"
  echo "$name: $(sqlite3 .mandate/journal.db 'SELECT count(*) FROM events') events"
}

scene steps
cat > plan.yaml <<'P'
version: 1
name: Steps
inputs: {who: {type: string, default: ann}}
invariants:
  - {id: small, check: '!succeeded("three")', on_violation: ask}
steps:
  - {id: list, tool: fs.list, args: {path: .}}
  - {id: nap, tool: time.sleep, args: {duration_ms: 20}}
  - {id: never, tool: time.now, if: 'inputs.who == "bob"'}
  - {id: poll, tool: fs.read, args: {path: later.txt}, retry: {max_attempts: 3, backoff_ms: 5}, on_failure: skip}
  - id: gone
    tool: fs.read
    args: {path: gone.txt}
    on_failure: {fallback: [{id: instead, tool: data.value, args: {value: stood in}}]}
  - {id: three, tool: data.value, for_each: {in: "['a', 'b', 'c']"}, args: {value: "${item}"}}
  - {id: note, tool: fs.write, args: {path: note.txt, content: "${size(steps.list.output.entries)} for ${inputs.who}"}}
  - {id: large, tool: data.value, args: {value: "${'x'.replace('x', 'yyyyyyyyyyyyyyyy')}"}}
finally:
  - {id: log, tool: fs.append, args: {path: log.txt, content: "ended ${execution.status}\n"}}
P
m 4 run plan.yaml --yes --json
m 0 inbox answer @last --choice continue
m 5 executions continue @last
keep

scene undone
cat > plan.yaml <<'P'
version: 1
name: Undone
constraints: {sequential: true}
steps:
  - {id: a, tool: process.exec, args: {argv: [sh, -c, 'echo a >> ledger']}, compensate: {tool: process.exec, args: {argv: [sh, -c, 'echo undo-a >> ledger']}}}
  - {id: b, tool: process.exec, args: {argv: [sh, -c, 'echo b >> ledger']}, compensate: {tool: process.exec, args: {argv: [sh, -c, 'exit 3']}}}
  - {id: c, tool: process.exec, args: {argv: [sh, -c, 'exit 1']}}
P
m 1 run plan.yaml --yes
m 4 executions rerun @last
m 0 approvals approve @last --reason 'once more'
m 1 executions continue @last
keep

scene crash
cat > mandate.toml <<'P'
[[tools]]
name = "shop.pay"
command = ["sh", "pay.sh"]
effect = "network"
status = { command = ["sh", "-c", "echo nothing that can be read"] }
P
echo 'cat >/dev/null; echo x >> ledger; while ! test -e go; do sleep 0.02; done; echo "{}"' > pay.sh
cat > plan.yaml <<'P'
version: 1
name: Crash
steps:
  - {id: pay, tool: shop.pay, args: {amount: 3}}
  - {id: read, tool: data.value, args: {value: 1}}
P
"$M" run plan.yaml --yes >/dev/null 2>&1 &
run=$!
until_true 'test -s ledger'
kill -9 $run
wait $run 2>/dev/null || true
touch go
m 4 executions continue @last
m 0 executions resolve @last pay --done --output '{}'
m 0 executions continue @last
keep

scene stopped
cat > plan.yaml <<'P'
version: 1
name: Stopped
steps:
  - {id: wait, tool: process.exec, args: {argv: [sh, -c, 'echo begun >> ledger; while [ ! -e gate ]; do sleep 0.02; done']}}
  - {id: after, tool: process.exec, args: {argv: [sh, -c, 'echo after >> ledger']}}
P
m 0 run plan.yaml --yes --detach
until_true 'test -s ledger'
m 0 executions pause @last
m 0 executions resume @last
kill -TERM "$(cat .mandate/lock)"
sleep 0.3
touch gate
until_true 'flock -n .mandate/lock true'
m 0 executions continue @last
printf 'version: 1\nname: Nap\nsteps: [{id: nap, tool: time.sleep, args: {duration_ms: 600000}}]\n' > nap.yaml
m 0 run nap.yaml --detach
m 0 executions cancel @last --reason 'not needed'
cat > approved.yaml <<'P'
version: 1
name: Approved
steps: [{id: a, tool: process.exec, args: {argv: [sh, -c, 'echo a']}}]
P
until_true 'flock -n .mandate/lock true'
m 0 freeze --reason 'a look first'
m 4 run approved.yaml --yes
m 0 approvals revoke @last --reason 'on second thoughts'
m 0 thaw
"$M" executions continue @last >/dev/null 2>&1 || true
m 0 freeze
# The host that holds a call back is still there when calls are thawed.
export MANDATE_HOST_IDLE_MS=10000
m 4 run approved.yaml --yes --detach
until_true '"$M" executions events @last | grep -q step_held'
m 0 thaw
until_true '"$M" executions events @last | grep -q execution_finished'
export MANDATE_HOST_IDLE_MS=200
keep

scene people
keys() { "$M" keys create "$@" 2>/dev/null; }
root=$(keys root --role admin)
export MANDATE_API_KEY=$root
bob=$(keys bob --role approver,sre)
eve=$(keys eve --role approver,sre)
old=$(keys old --role viewer)
m 0 keys list --all --json
m 0 keys revoke old
unset MANDATE_API_KEY
cat > plan.yaml <<'P'
version: 1
name: People
steps:
  - {id: both, tool: human.ask, args: {question: 'Go?', choices: [go, halt], approvers: ['2 of role:sre']}}
  - {id: soon, tool: human.ask, args: {question: 'Which?', choices: [eu, us], default: eu, expires_ms: 1}}
P
m 4 run plan.yaml
cat > hold.yaml <<'P'
version: 1
name: Hold
steps: [{id: hold, tool: process.exec, args: {argv: [sh, -c, 'touch held; while ! test -e go; do sleep 0.02; done']}}]
P
asked=$(sqlite3 .mandate/journal.db "SELECT execution_id FROM executions")
m 0 run hold.yaml --yes --detach
until_true 'test -e held'
MANDATE_API_KEY=$old m 3 inbox answer "$asked" go
touch go
until_true 'flock -n .mandate/lock true'
MANDATE_API_KEY=$bob m 0 inbox answer "$asked" go --reason 'it is time'
MANDATE_API_KEY=$eve m 0 inbox answer "$asked" go
m 0 executions continue "$asked"
mkdir policies
cat > policies/own.cedar <<'P'
@id("asks") @decision("require_approval") @approvers("other")
permit (principal, action == Action::"Call", resource);
P
cat > acts.yaml <<'P'
version: 1
name: Acts
inputs: {word: {type: string, default: first}}
steps: [{id: act, tool: process.exec, args: {argv: [sh, -c, 'echo "$0" >> ledger', '${inputs.word}']}}]
P
m 4 run acts.yaml
m 3 approvals approve @last
MANDATE_API_KEY=$bob m 0 approvals approve @last --until 1d --runs 3 --inputs 'word=f*' --json
standing=$(python3 -c 'import json; print(json.load(open("said"))["standing_id"])')
m 0 executions continue @last
m 0 run acts.yaml --input word=fifth
MANDATE_API_KEY=$bob m 0 approvals revoke "$standing"
cat > policies/own.cedar <<'P'
@id("asks") @decision("require_approval")
permit (principal, action == Action::"Call", resource);
@id("no") forbid (principal, action == Action::"Call", resource)
when { context.moment == "call" && context.step == "act" };
P
m 4 run acts.yaml
m 0 approvals approve @last
m 3 executions continue @last
m 4 executions rerun @last
MANDATE_API_KEY=$root m 0 executions override @last act --reason agreed
m 0 approvals approve @last
m 0 executions continue @last
m 4 run acts.yaml
cat >> policies/own.cedar <<'P'
@id("nothing") forbid (principal, action, resource);
P
m 3 run acts.yaml
"$M" executions continue @last >/dev/null 2>&1 || true
keep

scene agent
cat > mandate.toml <<'P'
[policy]
shadow = "next"
[gateway]
refusals_per_minute = 1
[[tools]]
name = "pay.send"
command = ["sh", "-c", "cat > /dev/null; echo '{}'"]
effect = "network"
P
mkdir next
echo '@id("no") forbid (principal, action, resource);' > next/next.cedar
cat > plan.yaml <<'P'
version: 1
name: Agent
mode: agent
steps:
  - {id: send, tool: pay.send, args: {to: bob}, max_invocations: 2}
P
# One host takes all of them, however long each takes to come.
export MANDATE_HOST_IDLE_MS=10000
m 0 run plan.yaml --yes --token-file token --json
m 3 executions call @last pay.send --args '{"to": "eve"}' --token-file token
m 6 executions call @last pay.send --args '{"to": "eve"}' --token-file token
id=$(sqlite3 .mandate/journal.db "SELECT execution_id FROM executions")
m 0 executions cancel "$id"
export MANDATE_HOST_IDLE_MS=200
sed -i '/refusals_per_minute/d' mandate.toml
until_true 'flock -n .mandate/lock true'
m 0 run plan.yaml --yes --token-file token --json
m 0 executions call @last pay.send --args '{"to": "bob"}' --token-file token
m 0 executions finish @last --token-file token
m 0 tokens rotate
keep

scene set-aside
printf '[limits]\ncalls_per_session = 5\n' > mandate.toml
# calls NAME IF: three calls, the last one under that condition.
calls() {
  cat > "$1.yaml" <<P
version: 1
name: $1
constraints: {sequential: true}
steps:
  - {id: a, tool: process.exec, args: {argv: [sh, -c, 'echo a']}}
  - {id: b, tool: process.exec, args: {argv: [sh, -c, 'echo b']}}
  - {id: c, tool: process.exec, args: {argv: [sh, -c, 'echo c']}, if: '$2'}
P
}
calls whole true
calls part false
m 0 run whole.yaml --yes --session s
# Two are left, and it may need three: somebody is asked before it starts, and its third call is not made.
m 4 run part.yaml --yes --session s
m 0 inbox answer @last continue
m 0 executions continue @last
m 0 run whole.yaml --yes --session t
m 4 run whole.yaml --yes --session t
m 0 inbox answer @last reject --reason 'not today'
m 6 executions continue @last
# It is told to go on with two, and waits for the session to count anew, which nobody waits for here.
m 4 run whole.yaml --yes --session t
m 0 inbox answer @last continue
"$M" executions continue @last --detach >/dev/null 2>&1 || true
until_true '"$M" executions events @last | grep -q step_held'
m 0 executions cancel @last
keep

scene replanned
cat > plan.yaml <<'P'
version: 1
name: Replanned
steps:
  - {id: good, tool: process.exec, args: {argv: [sh, -c, 'echo good']}}
  - {id: bad, tool: process.exec, args: {argv: [sh, -c, 'exit 3']}, on_failure: replan}
P
m 4 run plan.yaml --yes
cat plan.yaml > revised.yaml
echo "  - {id: better, tool: process.exec, args: {argv: [sh, -c, 'echo better']}}" >> revised.yaml
m 4 executions replan @last --plan revised.yaml --reason 'it was down'
m 0 approvals approve @last
"$M" executions continue @last >/dev/null 2>&1 || true
cat > outer.yaml <<'P'
version: 1
name: Outer
steps:
  - id: inner
    tool: plan.run
    args:
      plan:
        version: 1
        name: Inner
        steps:
          - {id: ask, tool: human.ask, args: {question: 'Which?', choices: [eu, us]}}
          - {id: write, tool: fs.write, args: {path: where.txt, content: "${steps.ask.output.choice}"}}
P
m 4 run outer.yaml --yes --json
child=$(sqlite3 .mandate/journal.db "SELECT execution_id FROM executions WHERE name = 'Inner'")
m 0 inbox answer "$child" --choice eu
m 0 executions continue @last
keep

scene servers
server() {
  printf '[mcpServers.fake]\ncommand = "python3"\nargs = ["%s", "%s"]\nenv = { VERSION = "%s" }\n' "$fake" "$PWD/log" "$1" > mandate.toml
}
server 1
printf 'version: 1\nname: Echo\nsteps: [{id: echo, tool: fake.echo}]\n' > plan.yaml
m 0 run plan.yaml --yes
server 2
cat > hold.yaml <<'P'
version: 1
name: Hold
steps: [{id: hold, tool: process.exec, args: {argv: [sh, -c, 'touch held; while ! test -e go; do sleep 0.02; done']}}]
P
m 0 run hold.yaml --yes --detach
until_true 'test -e held'
m 3 run plan.yaml --yes
touch go
until_true 'flock -n .mandate/lock true'
m 0 tools accept fake.echo
m 0 tools disable fake.echo
m 0 tools enable fake.echo
m 0 run plan.yaml --yes
keep

scene told
printf '[gateway]\nscan_outputs = true\n[mcpServers.far]\ncommand = "python3"\nargs = ["%s"]\npass = ["resources", "elicitation"]\n' \
  "$here/asking_server.py" > mandate.toml
MANDATE_API_KEY=$(keys root --role admin)
export MANDATE_API_KEY
"$M" serve --listen 127.0.0.1:0 --json > serving 2>serve.log &
serve=$!
until_true 'test -s serving'
address=$(python3 -c 'import json; print(json.loads(open("serving").readline())["listening"])')
python3 "$here/asked_agent.py" "$M" "$address" >said 2>&1 || { echo "$name:"; cat said serve.log; exit 1; }
kill -TERM $serve
wait $serve || true
unset MANDATE_API_KEY
keep

scene outside
cat > mandate.toml <<'P'
[gateway]
unplanned = "ask"
[[tools]]
name = "crm.charge"
kind = "external"
effect = "network"
input_schema = { type = "object", properties = { amount = { type = "integer" } } }
[[tools]]
name = "pay.send"
command = ["sh", "-c", "cat > /dev/null; echo '{}'"]
effect = "network"
P
cat > plan.yaml <<'P'
version: 1
name: Outside
mode: agent
steps:
  - {id: one, tool: crm.charge, args: {amount: 1}}
  - {id: two, tool: crm.charge, args: {amount: 2}, on_failure: skip}
  - {id: three, tool: crm.charge, args: {amount: 3}}
P
# charge AMOUNT CODE REPORT: takes the turn, and says what came of it.
charge() {
  m 0 executions enforce @last crm.charge "amount:=$1" --token-file token --json
  call=$(python3 -c 'import json; print(json.load(open("said"))["call_id"])')
  local wanted=$2
  shift 2
  m "$wanted" executions complete "$call" --token-file token "$@"
}
m 0 run plan.yaml --yes --token-file token --json
charge 1 0 --output '{"receipt": "r-1"}'
charge 2 1 --error 'no such customer'
# The last step is left out, which asks nobody; and a call is asked for that the plan does not hold.
sed '/three/d' plan.yaml > less.yaml
m 0 run plan.yaml --yes --token-file token --json
m 4 executions replan @last --plan less.yaml --reason 'less is enough'
m 0 executions token @last --token-file token
m 4 executions call @last pay.send to=bob --token-file token
m 0 approvals approve @last
m 0 executions call @last pay.send to=bob --token-file token
m 0 executions finish @last --token-file token
keep

scene items
cat > mandate.toml <<'P'
[gateway]
agent_idle_ms = 600000
[[tools]]
name = "shop.pay"
command = ["sh", "pay.sh"]
effect = "network"
status = { command = ["sh", "-c", "echo nothing that can be read"] }
[[tools]]
name = "note.look"
command = ["sh", "-c", "cat > /dev/null; echo '{\"word\": \"hi\"}'"]
effect = "read"
P
touch a.txt
cat > plan.yaml <<'P'
version: 1
name: Items
constraints: {sequential: true}
invariants:
  - {id: odd, check: 'steps.two.output.none > 1', on_violation: ask}
steps:
  - id: read
    tool: fs.read
    for_each: {in: "['a.txt', 'later.txt']"}
    args: {path: "${item}"}
    retry: {max_attempts: 2, backoff_ms: 5, retry_on: [TOOL_FAILED]}
    on_failure: skip
  - {id: two, tool: data.value, args: {value: {none: 2}}, expect: 'output.none == 3', on_failure: skip}
  - id: ask
    tool: human.ask
    args: {question: 'How many?', schema: {type: integer}, default: 3, expires_ms: 600000}
  - {id: soon, tool: human.ask, args: {question: 'How often?', schema: {type: integer}, default: 5, expires_ms: 1}}
  - {id: sure, tool: fs.write, args: {path: sure.txt, content: surely}, confirm: true}
  - id: undone
    tool: process.exec
    for_each: {in: "['x', 'y']"}
    args: {argv: [sh, -c, 'echo "$0" >> ledger', '${item}']}
    compensate: {tool: process.exec, args: {argv: [sh, -c, 'echo "un-$0" >> ledger; test "$0" = x', '${item}']}}
    retry: {max_attempts: 2, backoff_ms: 5, retry_on: [TOOL_FAILED]}
  - {id: fails, tool: process.exec, args: {argv: [sh, -c, 'exit 3']}}
outputs:
  there: steps.ask.output
  none: steps.read.output[7]
P
m 4 run plan.yaml --yes --deadline 1h
m 0 inbox answer @last continue
m 4 executions continue @last
m 0 inbox answer @last answer --data 4
m 4 executions continue @last
m 0 approvals approve @last
m 1 executions continue @last
# A call of an item, and one that undoes something, whose process died in them.
echo 'cat >/dev/null; echo x >> paid; while ! test -e go; do sleep 0.02; done; echo "{}"' > pay.sh
cat > killed.yaml <<'P'
version: 1
name: Killed
constraints: {sequential: true}
steps:
  - {id: pay, tool: shop.pay, for_each: {in: '[1]'}, args: {amount: "${item}"}, compensate: {tool: shop.pay, args: {amount: 0}}}
  - {id: fails, tool: process.exec, args: {argv: [sh, -c, 'exit 3']}}
P
"$M" run killed.yaml --yes >/dev/null 2>&1 &
run=$!
until_true 'test -s paid'
kill -9 $run
wait $run 2>/dev/null || true
touch go
m 4 executions continue @last
rm go paid
m 0 executions resolve @last 'pay[0]' --done --output '{}'
"$M" executions continue @last >/dev/null 2>&1 &
run=$!
until_true 'test -s paid'
kill -9 $run
wait $run 2>/dev/null || true
touch go
m 4 executions continue @last
m 0 executions resolve @last 'pay[0]' --done
m 1 executions continue @last
# An agent's turns of items, one of which it says to have finished with; a token for one step alone.
cat > agent.yaml <<'P'
version: 1
name: Turns
mode: agent
steps:
  - {id: pay, tool: shop.pay, for_each: {in: '[1, 2]'}, args: {amount: "${item}"}}
  - {id: more, tool: shop.pay, args: {amount: 3}, max_invocations: 5}
  - {id: last, tool: shop.pay, args: {amount: 4}}
P
m 0 run agent.yaml --yes --token-file token --json
m 0 executions token @last --token-file one --steps pay
m 0 executions call @last shop.pay amount:=1 --token-file one
m 0 executions call @last shop.pay amount:=2 --token-file token
m 0 executions call @last shop.pay amount:=3 --token-file token
m 0 executions finish @last --step more --token-file token
m 0 executions call @last shop.pay amount:=4 --token-file token
# Nested plans, for items, with what others may have written; one of them waits. What is done is taken over by a rerun.
cat > nested.yaml <<'P'
version: 1
name: Nested
steps:
  - {id: look, tool: note.look}
  - id: inner
    tool: plan.run
    for_each: {in: "['eu']"}
    args:
      inputs: {word: "${steps.look.output.word}"}
      plan:
        version: 1
        name: Inner
        inputs: {word: {type: string}}
        steps:
          - {id: ask, tool: human.ask, args: {question: 'Which?', choices: [eu, us]}}
  - {id: after, tool: process.exec, args: {argv: [sh, -c, 'test -e there']}, depends_on: [inner]}
P
m 4 run nested.yaml --yes
nested=$(sqlite3 .mandate/journal.db "SELECT execution_id FROM executions WHERE name = 'Nested'")
m 0 inbox answer "$(sqlite3 .mandate/journal.db "SELECT execution_id FROM executions WHERE name = 'Inner'")" --choice eu
m 1 executions continue "$nested"
touch there
m 4 executions rerun "$nested"
until_true 'flock -n .mandate/lock true'
m 0 approvals approve @last
m 0 executions continue @last
keep

scene archived
printf 'version: 1\nname: Value\nsteps: [{id: one, tool: data.value, args: {value: 1}}]\n' > plan.yaml
m 0 run plan.yaml
m 0 run plan.yaml
m 0 gc --older-than 0s --to archive.jsonl
cat > write.yaml <<'P'
version: 1
name: Write
steps: [{id: write, tool: fs.write, args: {path: a.txt, content: one}}]
P
m 0 run write.yaml --yes
sed -i 's/content: one/content: two/' write.yaml
m 0 run write.yaml --yes
keep
