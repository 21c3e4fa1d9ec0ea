#!/usr/bin/env bash
# Goal: no answer to a batch leaves the hub before the commit that it tells of
# is on the disk - seen from outside, by its system calls.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "each answer comes after its fdatasync"
if ! strace -o /dev/null true 2>/dev/null; then
	echo "1..0 # SKIP strace cannot trace here"
	count=1
	exit 0
fi
user ann
serve
token ann
with "$access"
push 1 1
is "the hub works" "$(statuses)" "success 1"

# -y names the files.
strace -f -y -s 32 -e trace=fdatasync,pwrite64,writev,sendto,sendmsg,write \
	-o "$T/trace" -p "$hub_pid" 2>"$T/strace.err" &
tracer=$!
wait_for "the hub is traced" grep -q attached "$T/strace.err"
posted=0
for n in 1 1 1 50 1 1000 1 3 1 1; do
	posted=$((posted + 1))
	push $((posted * 2000)) $n
	[ "$(statuses)" = "success $n" ] || break
done
is "batches one by one" "$posted" 10
kill -INT $tracer
wait $tracer 2>/dev/null

# One at a time: when an answer goes, its frames were written to the log, and
# everything that was written there has been synced.
python3 - "$T/trace" >"$T/found" <<'P'
import re, sys
begun, written, unsynced, synced = {}, 0, False, 0
answers, early, unwritten = 0, 0, 0
for l in open(sys.argv[1], errors="replace"):
    pid, call = l.split(None, 1)
    wal = "replica.db-wal>" in call
    if call.startswith("pwrite64(") and wal:
        unsynced, written = True, written + 1
    elif call.startswith("fdatasync(") and wal and "unfinished" in call:
        begun[pid] = True
    elif (call.startswith("fdatasync(") and wal and "= 0" in call or
          "fdatasync resumed" in call and begun.pop(pid, False) and "= 0" in call):
        unsynced, synced = False, synced + 1
    elif re.match(r"(writev|sendto|sendmsg|write)\(", call) and "HTTP/1.1 200" in call:
        answers += 1
        early += unsynced or synced == 0
        unwritten += written == 0
        written = synced = 0
print("answers %d, before their fdatasync %d, without a write %d" % (answers, early, unwritten))
P
is "every answer came after the fdatasync of its commit" "$(cat "$T/found")" \
	"answers 10, before their fdatasync 0, without a write 0"
alive
stop_hub
done_testing
