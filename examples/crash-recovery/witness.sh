# Adds a line with its argument and the call's idempotency key to the ledger, has the disk confirm it, answers.
sleep 0.3
printf '%s %s\n' "$1" "$MANDATE_IDEMPOTENCY_KEY" >> ledger.txt
sync ledger.txt
sleep 0.3
printf '%s' "$1"
