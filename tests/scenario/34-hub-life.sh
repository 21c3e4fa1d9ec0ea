#!/usr/bin/env bash
# Goal: a hub starts only where it can serve, stops with every request answered,
# and comes back after kill -9 with everything it had acknowledged.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "start, stop, kill -9, and trouble with the storage"
user ann

# --- what cannot start says why, and leaves nothing behind
nope() { # DESCRIPTION CODE REGEX OPTION...
	local what=$1 want=$2 text=$3
	shift 3
	exits "$what" "$want" timeout 20 "$CLOWDER" hub serve --data "$T/other" "$@"
	like "$what: says why" "$err" "$text"
}
for listen in nonsense 127.0.0.1 127.0.0.1: :8177 127.0.0.1:65536 127.0.0.1:-1 '127.0.0.1:80 ' \
	::1:80 '[::1]' '[127.0.0.1]:80' example.org:80 1.2.3:80 ''; do
	nope "--listen '$listen'" 2 'is no ADDRESS:PORT' --listen "$listen"
done
for listen in 0.0.0.0:0 '[::]:0' 192.0.2.1:0; do
	nope "plain HTTP on $listen" 2 'not loopback.*--tls-cert.*--plain' --listen "$listen"
done
nope "a certificate without its key" 2 'go together' --tls-cert x
nope "two certificates" 2 'exclude each other' --dev-tls --tls-cert x --tls-key y
for origin in nonsense board.example https://board.example/ 'https://*.example' http://x:0 null ''; do
	nope "--origin '$origin'" 2 "--origin: ${origin//\*/.}.* is no SCHEME://HOST" --origin https://good.example --origin "$origin"
done
check "nothing was made" [ ! -e "$T/other" ]
nope "a certificate that is not there" 1 'x.*[Nn]o such file' --tls-cert "$T/x" --tls-key "$T/y"
nope "an address that is not ours" 1 '192\.0\.2\.1' --plain --listen 192.0.2.1:0
: >"$T/file"
exits "a folder that is a file" 4 "$CLOWDER" hub serve --data "$T/file"

serve
nope "a port in use" 4 'in use' --listen "$hub_listen"
exits "a second hub on one folder" 1 "$CLOWDER" hub serve --data "$hub_data" --listen 127.0.0.1:0
like "names the first" "$err" "another hub serves .*$hub_pid"
alive "the first goes on"
token ann
with "$access"
push 1 1000
is "a thousand events" "$(statuses)" "success 1000"
epoch=$(json 'd["epoch"]')

# --- SIGTERM: what is under way is answered, nothing new is taken
half() { # send the head and the first half of batch FILE
	local n
	n=$(stat -c %s "$1")
	connect
	printf 'POST /api/v1/events/batch/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %s\r\n\r\n' \
		"$access" "$n" >&7
	head -c $((n / 2)) "$1" >&7
}
stopping() { grep -q 'signal 15' "$T/hub.log" && ! curl -s -o /dev/null "$hub_url/api/health"; }
events 1001 500 >"$T/slow"
half "$T/slow"
wait_for "the hub has the first half" eval \
	'[ "$(curl -s "$hub_url/metrics" | sed -n "s/^clowder_request_held_bytes //p")" -gt 40000 ]'
kill -TERM "$hub_pid"
wait_for "it takes nobody new" stopping
check "and waits" kill -0 "$hub_pid"
tail -c +$(($(stat -c %s "$T/slow") / 2 + 1)) "$T/slow" >&7
got=$(timeout 20 cat <&7)
hang_up
like "the slow client is answered" "$got" '^HTTP/1.1 200'
like "and told that this is the end" "$got" 'Connection: close'
out=${got#*$'\r\n\r\n'}
is "with all of its events" "$(statuses)" "success 500"
wait "$hub_pid"
is "then the hub ends well" "$?" 0
like "and says so" "$(tail -n 1 "$T/hub.log")" 'hub stopped'
cp "$hub_data/replica.db" "$T/alone.db"
is "the database alone has everything: nothing is left in its log" "$(python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM event").fetchone()[0])' "$T/alone.db")" 1500

serve
ask /api/v1/events/?limit=1
is "again: the same epoch, all events, the session" "$status $(json '[d["epoch"], d["head"]]')" "200 [\"$epoch\", 1500]"
kill -INT "$hub_pid"
wait "$hub_pid"
is "SIGINT ends it as well" "$?" 0

# --- a client that never sends the rest is cut
serve
half "$T/slow"
wait_for "the hub has the first half" eval \
	'[ "$(curl -s "$hub_url/metrics" | sed -n "s/^clowder_request_held_bytes //p")" -gt 40000 ]'
began=$SECONDS
stop_hub
is "it ends all the same" "$hub_code" 0
check "after ten seconds" [ $((SECONDS - began)) -lt 20 ]
hang_up

# --- kill -9 in the middle: what was acknowledged is there, once
serve
acked=1500 killed=0
events 0 50 >"$T/fifty"
for round in 1 2 3 4 5; do
	# The same batch with other numbers.
	python3 - "$T" $round <<'P'
import json, sys
folder, round = sys.argv[1], int(sys.argv[2])
batch = json.load(open(folder + "/fifty"))
for i in range(1, 41):
    for k, e in enumerate(batch["events"]):
        n = 10000 * round + 50 * i + k
        e.update(event_id="01890000-0000-7000-8000-%012x" % n, aggregate_id="todo-%d" % n,
                 lamport_clock=n)
    json.dump(batch, open("%s/b%d" % (folder, i), "w"))
P
	(
		for i in $(seq 40); do
			curl -s -m 20 "${as[@]}" --data-binary "@$T/b$i" "$hub_url/api/v1/events/batch/" >>"$T/acks" &&
				echo >>"$T/acks"
		done
	) 2>/dev/null &
	writer=$!
	wait_for "round $round: some are acknowledged" eval '[ "$(grep -c head "$T/acks")" -ge $((5 * round)) ]'
	kill -KILL "$hub_pid"
	wait "$hub_pid" 2>/dev/null
	[ $? = 137 ] && killed=$((killed + 1))
	kill "$writer" 2>/dev/null
	wait "$writer" 2>/dev/null
	serve
done
is "it was killed" "$killed" 5
python3 - "$hub_url" "$access" "$T/acks" >"$T/found" <<'P'
import json, sys, urllib.request
url, token, acks = sys.argv[1:]
told = {}
for line in open(acks):
    try:
        for r in json.loads(line)["results"]:
            if r["status"] != "rejected":
                assert told.setdefault(r["event_id"], r["seq"]) == r["seq"]
    except ValueError:
        pass
have, after, epoch = {}, 0, ""
while True:
    q = urllib.request.Request("%s/api/v1/events/?epoch=%s&after=%d" % (url, epoch, after),
                               headers={"Authorization": "Bearer " + token})
    d = json.load(urllib.request.urlopen(q))
    for e in d["events"]:
        assert e["seq"] == after + 1, "a gap"
        after = e["seq"]
        assert e["event"]["event_id"] not in have, "twice"
        have[e["event"]["event_id"]] = after
    epoch = d["epoch"]
    if after == d["head"]:
        break
lost = [i for i in told if have.get(i) != told[i]]
print("lost", len(lost), "told", len(told) > 0, d["epoch"])
P
is "nothing acknowledged was lost, moved or doubled" "$(cat "$T/found")" "lost 0 told True $epoch"

# --- the database is locked by another process
push 1 1
(
	flock 9
	echo locked >"$T/locked"
	until [ -e "$T/enough" ]; do read -rt 0.05 <> <(:); done
) 9>>"$hub_data/store.lock" &
holder=$!
wait_for "somebody holds the lock" [ -s "$T/locked" ]
refuses "a write is refused" 503 locked -d "$(events 90001 1)" /api/v1/events/batch/
like "for now" "$(field retry-after)" '^[1-9]'
unlike "without telling paths" "$body" "$hub_data"
answers "reading goes on" 200 /api/v1/events/?limit=1
answers "health answers" 200 /api/health
is "and says so" "$(json '[d["status"], d["problem"]["code"]]')" '["degraded", "locked"]'
ask /metrics
like "so do metrics" "$body" '^clowder_storage_failing 1'
touch "$T/enough"
wait "$holder"
healthy() { ask /api/health && [ "$(json 'd["status"]')" = ok ]; }
wait_for "once it is let go health is well again, without a write" healthy
push 90001 1
is "and so are writes" "$(statuses)" "success 1"
stop_hub
is "it stops in order" "$hub_code" 0

# --- a newer version's folder is left alone
python3 -c 'import sqlite3, sys
d = sqlite3.connect(sys.argv[1]); d.execute("PRAGMA user_version = 999"); d.commit()' "$hub_data/replica.db"
sum=$(sha256sum "$hub_data/replica.db")
exits "a replica of a newer version" 1 "$CLOWDER" hub serve --data "$hub_data" --listen 127.0.0.1:0
like "is refused by name" "$err" 'newer version'
is "and untouched" "$(sha256sum "$hub_data/replica.db")" "$sum"
done_testing
