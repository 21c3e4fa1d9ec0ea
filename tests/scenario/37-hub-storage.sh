#!/usr/bin/env bash
# Goal: a full disk and a locked database are said by name and for now: 503 with
# Retry-After, health tells, nothing is half-written, and afterwards all is well
# by itself.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "trouble with the storage passes"

degraded() { # CODE: health says so
	ask /api/health && [ "$(json 'd["status"]')" = degraded ] &&
		[ "$(json 'd["problem"]["code"]')" = "$1" ]
}
well() { ask /api/health && [ "$(json 'd["status"]')" = ok ]; }
head_of() { ask /api/v1/events/?limit=1 && json 'd["head"]'; }

# --- the accounts, locked by another process
user ann
serve
token ann
with "$access"
push 1 3
is "three events" "$(statuses)" "success 3"
python3 - "$hub_data/hub.db" "$T/locked" "$T/enough" <<'P' &
import os, sqlite3, sys, time
d = sqlite3.connect(sys.argv[1], isolation_level=None)
d.execute("BEGIN EXCLUSIVE")
open(sys.argv[2], "w").close()
while not os.path.exists(sys.argv[3]):
    time.sleep(0.05)
d.execute("ROLLBACK")
P
holder=$!
wait_for "somebody holds the accounts" [ -e "$T/locked" ]
as=()
refuses "nobody can sign in" 503 locked -d '{"username":"ann","password":"secret-ann"}' /api/v1/token/
like "for now" "$(field retry-after)" '^[1-9]'
unlike "without telling paths" "$body" "$hub_data"
check "health says so" degraded locked
ask /api/health
is "and of what" "$(json 'd["problem"]["of"]')" accounts
like "and since when" "$(json 'd["problem"]["since"]')" '^20..-..-..T'
unlike "without telling paths" "$body" "$hub_data"
ask /metrics
like "so do metrics" "$body" '^clowder_storage_failing 1'
touch "$T/enough"
wait "$holder"
wait_for "let go, health is well by itself" well
token ann
is "and ann signs in" "$status" 200
stop_hub
is "it stops in order" "$hub_code" 0

# --- a disk that fails to write: files of the hub may not grow
serve
token ann
with "$access"
python3 - >"$T/wide" <<'P'
import json
print(json.dumps({"events": [
    {"event_id": "01890000-0000-7000-8000-%012x" % (500 + i), "event_type": "todo_added",
     "aggregate_type": "todo", "aggregate_id": "wide-%d" % i, "lamport_clock": 500 + i,
     "node_id": "n1", "timestamp": "2026-04-28T10:30:00Z", "replaces": [],
     "payload": {"content": "x", "description": "y" * 20000}} for i in range(100)]}))
P
check "a limit is set" prlimit --pid "$hub_pid" --fsize=65536:unlimited
refuses "the write is refused" 503 io_error --data-binary "@$T/wide" /api/v1/events/batch/
like "for now" "$(field retry-after)" '^[1-9]'
unlike "without telling paths" "$body" "$T"
check "health says so" degraded io_error
is "nothing of it is there" "$(head_of)" 3
# Small writes may still fit; what moves them into the database does not.
for i in $(seq 30); do
	push $((1000 + i)) 1
	[ "$status" = 200 ] || break
done
check "the limit is gone" prlimit --pid "$hub_pid" --fsize=unlimited:unlimited
wait_for "health is well by itself" well
answers "the same" 200 --data-binary "@$T/wide" /api/v1/events/batch/
is "is taken, whole" "$(statuses)" "success 100"
stop_hub
is "it stops in order" "$hub_code" 0
check "and what it has reads well" clowder hub verify --data "$hub_data"

# --- the log, locked by another process: by SQLite's lock, and by the writers' own
hold() { # PYTHON: takes the lock, says so, lets go when it is told
	rm -f "$T/locked" "$T/enough"
	python3 -c "import fcntl, os, sqlite3, sys, time
data, locked, enough = sys.argv[1:]
$1
open(locked, 'w').close()
while not os.path.exists(enough):
    time.sleep(0.05)
" "$hub_data" "$T/locked" "$T/enough" &
	holder=$!
	pids+=("$holder")
	wait_for "somebody holds the lock" [ -e "$T/locked" ]
}
serve
token ann
next=2000
for lock in "d = sqlite3.connect(data + '/replica.db', isolation_level=None)
d.execute('BEGIN IMMEDIATE')" "f = open(data + '/store.lock', 'a')
fcntl.flock(f, fcntl.LOCK_EX)"; do
	with "$access"
	push $next 1
	is "writing works" "$(statuses)" "success 1"
	was=$(head_of)
	hold "$lock"
	events $((next + 1)) 1 >"$T/one"
	refuses "the write is refused" 503 locked --data-binary "@$T/one" /api/v1/events/batch/
	like "for now" "$(field retry-after)" '^[1-9]'
	unlike "without telling paths" "$body" "$T"
	check "health says so" degraded locked
	ask /api/health
	is "and of what" "$(json 'd["problem"]["of"]')" log
	is "reading goes on, nothing was added" "$(head_of)" "$was"
	touch "$T/enough"
	wait "$holder"
	as=()
	wait_for "let go, health is well by itself" well
	with "$access"
	answers "the same" 200 --data-binary "@$T/one" /api/v1/events/batch/
	is "is taken" "$(statuses) $(json 'd["head"]')" "success 1 $((was + 1))"
	next=$((next + 2))
done
stop_hub
is "it stops in order" "$hub_code" 0
# --- a disk that fails to sync: the very next sync of the log is refused
injects() { # a tracer may not be allowed, or not be here
	strace -e trace=fdatasync -e inject=fdatasync:error=EIO:when=1 -o /dev/null true 2>/dev/null
}
if injects; then
	serve
	token ann
	with "$access"
	# A reader keeps what is acknowledged in the log, where quiet would move it.
	hold "d = sqlite3.connect(data + '/replica.db', isolation_level=None)
d.execute('BEGIN')
d.execute('SELECT count(*) FROM sqlite_schema').fetchone()"
	push 3000 1
	is "one is in the log" "$(statuses)" "success 1"
	was=$(head_of)
	strace -f -y -e trace=fdatasync,fsync,pwrite64 -e inject=fdatasync:error=EIO:when=1 \
		-o "$T/trace" -p "$hub_pid" 2>"$T/strace.err" &
	tracer=$!
	wait_for "the hub is traced" grep -q attached "$T/strace.err"
	events 3001 3 >"$T/three"
	refuses "a batch whose sync fails is refused" 503 io_error --data-binary "@$T/three" /api/v1/events/batch/
	like "for now" "$(field retry-after)" '^[1-9]'
	touch "$T/enough"
	wait "$holder"
	check "health says so" degraded io_error
	wait_for "the store is opened again, and health is well" well
	answers "the same" 200 --data-binary "@$T/three" /api/v1/events/batch/
	is "is there once" "$(json 'd["head"]')" $((was + 3))
	kill -INT $tracer
	wait $tracer 2>/dev/null
	# What the log holds is written to the database and synced there before the
	# log takes anything more.
	python3 - "$T/trace" >"$T/found" <<'P'
import re, sys
calls = re.findall(r"(\w+)\(\d+<[^>]*/([^/>]*)>(.*)", open(sys.argv[1], errors="replace").read())
failed = [i for i, c in enumerate(calls) if "EIO" in c[2]]
print("failed:", *(calls[i][1] for i in failed))
after = [c[:2] for c in calls[failed[0] + 1:]]
print("synced first:", ("fdatasync", "replica.db") in after[:after.index(("pwrite64", "replica.db-wal"))])
P
	is "one sync failed, and the database was synced after it" "$(cat "$T/found")" \
		"failed: replica.db-wal"$'\n'"synced first: True"
	stop_hub
	is "it stops in order" "$hub_code" 0
	check "and what it has reads well" clowder hub verify --data "$hub_data"
else
	echo "# strace cannot trace here"
fi

# --- a full disk: a small one of our own
if ! mkdir "$T/disk" || ! mount -t tmpfs -o size=120m,mode=700 none "$T/disk" 2>"$T/mount.err"; then
	echo "# no file system can be mounted here: $(cat "$T/mount.err")"
	done_testing
fi
# Whatever happens.
unmount() {
	[ -z "$hub_pid" ] || kill -KILL "$hub_pid" 2>/dev/null && wait "$hub_pid" 2>/dev/null
	umount "$T/disk"
	cleanup
}
trap unmount EXIT
hub_data=$T/disk/hub hub_listen=127.0.0.1:0
user ann
serve
token ann
with "$access"
push 1 10
is "ten events" "$(statuses)" "success 10"
room() { # MIB: so much is left
	rm -f "$T/disk/fill"
	fallocate -l $(($(df --output=avail -B1 "$T/disk" | tail -n 1) - $1 * 1048576)) "$T/disk/fill"
}
# 20 MiB in events that do not pack: more than the reserve that writes leave.
python3 - >"$T/large" <<'P'
import base64, json, random
random.seed(3)
print(json.dumps({"events": [
    {"event_id": "01890000-0000-7000-8000-%012x" % (1000 + i), "event_type": "todo_added",
     "aggregate_type": "todo", "aggregate_id": "big-%d" % i, "lamport_clock": 1000 + i,
     "node_id": "n1", "timestamp": "2026-04-28T10:30:00Z", "replaces": [],
     "payload": {"content": "x", "description": base64.b64encode(random.randbytes(375000)).decode()}}
    for i in range(44)]}))
P
room 8
events 11 1 >"$T/one"
refuses "a nearly full disk refuses the write" 503 no_space --data-binary "@$T/one" /api/v1/events/batch/
like "for now" "$(field retry-after)" '^[1-9]'
unlike "without telling paths" "$body" "$T"
check "health says so" degraded no_space
is "reading goes on, nothing was added" "$(head_of)" 10
room 17
wait_for "with more room health is well" well
refuses "a write that does not fit" 503 no_space --data-binary "@$T/large" /api/v1/events/batch/
check "health says so" degraded no_space
is "nothing of it is there" "$(head_of)" 10
ask /api/v1/snapshot/
is "neither in the state" "$(json 'len(d["todos"])')" 10
rm -f "$T/disk/fill"
wait_for "with room health is well by itself" well
push 11 1
is "and writing works" "$(statuses) $(json 'd["head"]')" "success 1 11"
answers "what did not fit" 200 --data-binary "@$T/large" /api/v1/events/batch/
is "fits now" "$(statuses) $(json 'd["head"]')" "success 44 55"
push 11 1
is "once" "$(statuses)" "duplicate 1"
stop_hub
is "it stops in order" "$hub_code" 0
serve
is "and begins with all of it" "$(head_of)" 55
stop_hub
done_testing
