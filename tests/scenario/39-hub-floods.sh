#!/usr/bin/env bash
# Goal: whatever thousands of bad clients do, good ones are answered as ever, the
# hub's memory stays below what docs/architecture.md says, and it goes on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "floods"
here=$(cd "$(dirname "$0")" && pwd)
hostile=$here/../lib/hostile.py
seconds=${CLOWDER_FLOOD_SECONDS:-0.5} # of each, measured
# Freed memory that a sanitizer keeps is not the hub's.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=16

# A good answer takes at most so many ms, even under sanitizers on a busy machine.
slowest_ms=1000
# The hub has at most so many MiB (docs/architecture.md, How data flows): where
# nobody needs an account, and in any case.
anybody=400 somebody=1200

user ann
user eve
serve --quiet
token eve
bad=$access
token ann
good=$access
with "$bad"
# Eve's team has much to pull.
for first in 100 200 300; do
	events "$first" 8 'payload={"content":"much"}' |
		python3 -c 'import sys; print(sys.stdin.read().replace("much", "x" * 400000))' >"$T/.batch"
	ask --data-binary "@$T/.batch" /api/v1/events/batch/
	is "much to pull" "$(statuses)" "success 8"
done

memory() { sed -n "s/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$hub_pid/status"; }
ticks() { awk '{ print $14 + $15 }' "/proc/$hub_pid/stat"; }
measured() { out=$figures && json "$1"; }
# begin KIND COUNT: returns when the flood is there
begin() {
	: >"$T/flood"
	exec 8> >(exec python3 "$hostile" "$1" "$2" "$hub_url" "$bad" >"$T/flood" 2>"$T/flood.err")
	flood_pid=$!
	wait_for "$1: ${2} are there" grep -q ready "$T/flood"
}
end() {
	exec 8>&-
	wait "$flood_pid"
}
measure() {
	figures=$(python3 "$hostile" measure "$seconds" "$hub_url" "$good")
	echo "# $1: $figures, $(($(memory) / 1024)) MiB"
}
# bears KIND COUNT MIB: good clients do not notice
bears() {
	echo 5 >"/proc/$hub_pid/clear_refs" # VmHWM starts over
	begin "$1" "$2"
	measure "$1"
	is "$1: every good request is answered" "$(measured '[d["failed"], d["first"]]')" "[0, []]"
	[ "$(measured 'int(d["max"])')" -lt $slowest_ms ]
	result $? "$1: within $slowest_ms ms" || show "$figures"
	[ "$(memory)" -lt $(($3 * 1024)) ]
	result $? "$1: below $3 MiB" || show "$(memory) kB"
	end
}

measure "nobody else"
bears silent 4000 $anybody      # connections on which nothing comes
bears heads 4000 $anybody       # heads that trickle
bears bodies 2000 $anybody      # bodies that trickle
bears floods 4000 $anybody      # as many fields as a head may have, and no end
bears overflows 100 $anybody    # more than that
bears churn 500 $anybody        # connections that are reset at once
bears pipelines 32 $anybody     # requests without waiting for answers
bears tiny 64 $anybody          # many small requests
bears odd 50 $anybody           # requests of which some bytes are wrong
bears chunks 100 $somebody      # chunks of one byte
bears bombs 8 $somebody         # small bodies that are large when unpacked
bears held 200 $somebody        # large bodies that stop before their end
bears unread 64 $somebody       # large answers that nobody reads
bears snapshots 64 $somebody    # the same, larger
alive "and it is well"

# A hub that has all the connections it takes: who dawdles gives way.
stop_hub
is "it stops in order" "$hub_code" 0
printf '#!/bin/bash\nulimit -n 120\nexec "%s" "$@"\n' "$CLOWDER" >"$T/few"
chmod +x "$T/few"
CLOWDER=$T/few serve --quiet
bears holders 400 $anybody
begin silent 400
before=$(ticks)
read -rt 1 <> <(:) || true
spent=$(($(ticks) - before))
[ "$spent" -lt 80 ]
result $? "without descriptors it does not spin" || show "$spent ticks in a second"
end
alive "and serves again"
stop_hub
is "it stops in order" "$hub_code" 0

# Handshakes that do not become whole.
serve --quiet --dev-tls
export SSL_CERT_FILE=$hub_data/tls/cert.pem
measure "TLS, nobody else"
bears hellos 4000 $anybody
bears handshakes 2000 $anybody
bears greeters 32 $anybody
bears records 200 $anybody
as=(--cacert "$SSL_CERT_FILE")
alive "and goes on"
stop_hub
is "it stops in order" "$hub_code" 0
unlike "nothing went wrong inside" "$(grep -v ' info ' "$T/hub.log")" .
done_testing
