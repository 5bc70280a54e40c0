#!/bin/sh
# What is there to be asked about: an execution that ended, one that waits, one that an agent drives.
set -eu
mandate=$1
echo hello > a.txt
cat > read.yaml <<'PLAN'
version: 1
name: read
steps: [{ id: read, tool: fs.read, args: { path: a.txt } }]
PLAN
cat > write.yaml <<'PLAN'
version: 1
name: write
steps: [{ id: write, tool: fs.write, args: { path: b.txt, content: x } }]
PLAN
cat > agent.yaml <<'PLAN'
version: 1
name: agent
mode: agent
steps: [{ id: read, tool: fs.read, args: { path: a.txt } }]
PLAN
"$mandate" run read.yaml > /dev/null
"$mandate" run write.yaml > /dev/null || test $? = 4
"$mandate" run agent.yaml --token-file token > /dev/null || test $? = 4
