#!/usr/bin/env bash
# The daemon over TLS; and that it has not heard of the hub for long is said, once.
. "$(dirname "$0")/lib.sh"
goal "live over TLS, and honest about silence"

serve --dev-tls
user ann
for h in a b; do
	home "$h"
	mkdir -p -m 700 "$CLOWDER_HOME"
	printf '[server]\nca_file = "%s"\n' "$hub_data/tls/cert.pem" >"$CLOWDER_HOME/config.toml"
	sign_in ann || result 1 "$h signs in"
	[ "$h" = a ] || cp -r "$T/a/work/.clowder" .
	clowder init --slug demo >/dev/null
	daemon_up
	wait_for "$h is live" daemon_says 'Connected, live'
done
like "over TLS" "$hub_url" '^https://'
home a
check "a writes" clowder todo add "sealed"
home b
sees() { clowder todo list | grep -q "$1"; }
wait_for "b sees it" sees sealed

# A hub whose certificate nobody here trusts.
home c
mkdir -p -m 700 "$CLOWDER_HOME"
clowder sync server "$hub_url" >/dev/null
cp -r "$T/a/.clowder/auth" "$CLOWDER_HOME/"
clowder init --slug demo >/dev/null
daemon_up
wait_for "an unknown certificate: not in step" daemon_says 'Offline|Reconnecting'
wait_for "and that is said" grep -qi 'certificate' "$CLOWDER_HOME/sync-daemon.log"
run clowder sync now
like "with what would help" "$err" 'certificate.*\[server\] ca_file in config.toml'
check "c stops" clowder daemon stop

# --- silence --------------------------------------------------------------------------
home b
stop_hub KILL
wait_for "no hub: b knows" daemon_says 'Offline|Reconnecting'
run clowder todo list
is "a moment is not worth a word" "$err" ''
python3 - "$CLOWDER_HOME/store.db" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20)
db.execute("UPDATE space SET contact_ms = contact_ms - 7300 * 1000")
db.commit()
END
run clowder todo list
like "two hours are" "$err" '^note: the daemon has not heard of the server since 2 hours ago'
run clowder todo list
is "once an hour" "$err" ''
like "status says it each time" "$(clowder sync status)" 'Last Sync +2 hours ago'
like "with what the daemon knows" "$(clowder sync status)" 'Daemon +(Offline|Reconnecting)'
check "b stops" clowder daemon stop
rm -f "$CLOWDER_HOME/local/notices"
run clowder todo list
is "where no daemon runs nobody promised anything" "$err" ''
home a
check "a stops" clowder daemon stop

done_testing
