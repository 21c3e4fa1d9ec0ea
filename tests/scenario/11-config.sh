#!/usr/bin/env bash
# Goal: a configuration that is wrong is named by file, line and key; what is
# right stays as its author wrote it.
. "$(dirname "$0")/lib.sh"
goal "configuration"
home ann
config=$CLOWDER_HOME/config.toml

exits "no server yet" 1 clowder sync server
like "how to set one" "$err" '^try: clowder sync server '
exits "no home yet is fine" 0 clowder sync status
like "the default stands" "$out" '^  Server URL   Not configured'
[ ! -e "$CLOWDER_HOME" ]
result $? "looking makes nothing"

for bad in hub.example.com ftp://x https:// https://u:p@h 'https://h/?q' 'https://h:99999'; do
	exits "no URL: $bad" 2 clowder sync server "$bad"
done
[ ! -e "$config" ]
result $? "nothing was written"
exits "a server" 0 clowder sync server https://Hub.example.com/
is "as it is said" "$out" "Server URL set to https://hub.example.com
Sign in next: clowder auth login"
is "and written" "$(cat "$config")" '[server]
url = "https://hub.example.com"'
is "for its owner alone" "$(stat -c %a "$config" "$CLOWDER_HOME" | tr '\n' ' ')" "600 700 "

cat >"$config" <<'C'
# mine
[sync]
interval_s = 60   # often
[server] # the hub
ca_file = "/tmp/ca.pem"
C
exits "another" 0 clowder sync server http://127.0.0.1:1
is "leaves the rest alone" "$(cat "$config")" '# mine
[sync]
interval_s = 60   # often
[server] # the hub
url = "http://127.0.0.1:1"
ca_file = "/tmp/ca.pem"'

printf '[sync]\ninterval_s = "often"\n' >"$config"
for verb in 'sync status' 'sync now' 'auth status' 'sync server http://h'; do
	# shellcheck disable=SC2086 # words
	exits "a wrong value stops $verb" 1 clowder $verb
	like "by name" "$err" "$config line 2: sync.interval_s must be a whole number from 1 to 86400"
done
is "and is left as it is" "$(cat "$config")" '[sync]
interval_s = "often"'
exits "the doctor finds it" 1 clowder doctor --json
is "as critical" "$(json '[f["severity"] for f in d["findings"] if f["id"] == "D-004"]')" '["critical"]'
printf 'x = [\n' >"$config"
exits "no TOML at all" 1 clowder sync status
like "by line" "$err" "$config: line"

printf '[sync]\nfoo = 1\nenabled = false\n[server]\nurl = "http://127.0.0.1:1"\n' >"$config"
exits "an unknown key does no harm" 0 clowder sync status
exits "the doctor names it" 0 clowder doctor
like "with its line" "$out" "D-005 .*$config line 2: nobody knows the key sync.foo"
exits "switched off is no exchange" 1 clowder sync now
like "and says so" "$err" 'switched off'

# The other program's name, home and key.
mkdir -p "$HOME/.spec-kitty"
printf '[sync]\nserver_url = "http://127.0.0.1:2"\n' >"$HOME/.spec-kitty/config.toml"
unset CLOWDER_HOME
exits "under the other name" 0 spec-kitty sync status
like "its title" "$out" '^Spec Kitty Sync Status$'
like "its server" "$out" '^  Server URL   http://127.0.0.1:2$'
like "its file" "$out" "^  Config File  $HOME/.spec-kitty/config.toml$"
exits "ours is another" 0 clowder sync status
like "title" "$out" '^Clowder Sync Status$'
like "with its own server" "$out" '^  Server URL   http://127.0.0.1:1$'
done_testing
