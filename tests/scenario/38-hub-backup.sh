#!/usr/bin/env bash
# Goal: a hub is copied while it serves and put back from the copy; clients notice
# and give it what the copy lacks, so nothing that was acknowledged is lost.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
goal "backup while serving, restore, refill, verify"
hub() { clowder hub "$@" --data "$hub_data"; }
digest() { # of the space: outside of any project
	cd "$T" || exit 1
	run clowder sync status --json
	cd "$HOME/work" || exit 1
	json 'd["digest"]'
}

exits "a folder where no hub has served" 1 hub backup "$T/none.db"
like "is said" "$err" 'no hub has served'
check "and no file is made" [ ! -e "$T/none.db" ]
user ann
serve
home a
check "a signs in" sign_in ann
check "a has work" clowder todo add "before the backup"
check "a syncs" clowder sync now
home b
check "b signs in" sign_in ann
check "b syncs" clowder sync now

# --- contents of artifacts go with it
content='{"project_uuid":"p","feature_slug":"f","artifact_path":"a","content_hash":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","content_body":"x"}'
token ann
with "$access"
answers "a content is stored" 201 -d "$content" /api/dossier/push-content/

# --- while others write
token ann
with "$access"
push 1 1
(
	for i in $(seq 2 400); do
		[ ! -e "$T/enough" ] || break
		events $((100 * i)) 100 >"$T/w.batch"
		curl -s -m 20 "${as[@]}" --data-binary "@$T/w.batch" "$hub_url/api/v1/events/batch/" >>"$T/acks"
		echo >>"$T/acks"
	done
) 2>/dev/null &
writer=$!
wait_for "somebody writes" eval '[ "$(grep -c head "$T/acks")" -ge 3 ]'
before=$(grep -c head "$T/acks")
check "backup while it serves" hub backup "$T/copy.db" --json
touch "$T/enough"
wait $writer
events=$(json 'd["events"]') epoch=$(json 'd["epoch"]')
is "it has all that was acknowledged before" "$((events >= 100 * before))" 1
is "and whole batches: hundreds, and what came one by one" "$((events % 100))" 3
is "with its user" "$(json 'd["users"]')" 1
is "for its owner alone" "$(stat -c %a "$T/copy.db")" 600
check "and nothing beside it" [ "$(ls "$T" | grep -c '^copy')" = 1 ]
exits "a file that is there is not written over" 4 hub backup "$T/copy.db"
exits "a folder that is not there" 1 hub backup "$T/no/such/copy.db"
check "verify while it serves" hub verify --json
is "finds nothing" "$(json '[d["ok"], d["findings"], d["epoch"]]')" "[true, [], \"$epoch\"]"
like "for people" "$(hub verify)" 'Everything is as it should be'

# --- what comes after the backup: only clients have it
home a
check "a works on" clowder todo add "after the backup"
check "a syncs" clowder sync now
home b
check "b syncs" clowder sync now
whole=$(digest)
home a
is "a is the same" "$(digest)" "$whole"
ask /api/v1/events/?limit=1
head_before=$(json 'd["head"]')

# --- restore
exits "not while it serves" 1 hub restore "$T/copy.db"
like "is said" "$err" 'a hub serves'
stop_hub
check "restore" hub restore "$T/copy.db" --json
kept=$(json 'd["kept"]')
is "the log of the backup" "$(json 'd["events"]')" "$events"
isnt "with another epoch" "$(json 'd["epoch"]')" "$epoch"
new_epoch=$(json 'd["epoch"]')
check "what was there is kept" [ -s "$kept/replica.db" -a -s "$kept/hub.db" ]
is "for its owner alone" "$(stat -c %a "$kept" "$hub_data/replica.db" "$hub_data/hub.db" | tr '\n' ' ')" "700 600 600 "
check "nothing else is left over" [ -z "$(ls "$hub_data" | grep -E 'new|restoring|part')" ]
check "it reads well" hub verify
serve
ask /api/health
is "it serves with the new epoch" "$(json 'd["epoch"]')" "$new_epoch"
with "$access"
ask "/api/v1/events/?limit=1"
is "a token of before is still good" "$status" 200
is "the log ends where the backup did" "$(json '[d["head"], d["epoch"]]')" "[$events, \"$new_epoch\"]"
answers "the content has come back" 200 -d "$content" /api/dossier/push-content/
refuses "a position of the old epoch" 409 resync "/api/v1/events/?epoch=$epoch&after=1"
home a
check "a syncs" clowder sync now
is "nothing of a's is lost" "$(digest)" "$whole"
ask "/api/v1/events/?limit=1"
is "and the hub has everything again" "$(json 'd["head"]')" "$head_before"
home b
check "b syncs" clowder sync now
is "b is the same" "$(digest)" "$whole"
ask /api/v1/snapshot/
like "what came after the backup is there" "$body" 'after the backup'
check "b works on" clowder todo add "after the restore"
check "and syncs" clowder sync now
stop_hub
check "the refilled hub reads well" hub verify

# --- what was taken away since the backup: a sign-in stays ended, the rest is said
hub_listen=127.0.0.1:0
user eve
serve
token eve
eve_ends=$access eve_ends_refresh=$refresh eve_ends_session=$session
token eve
eve_stays=$refresh
stop_hub
check "a backup with both sign-ins of eve" hub backup "$T/eve.db"
serve
answers "eve signs out in one place" 200 -d "token=$eve_ends_refresh" /oauth/revoke
answers "and goes on in the other" 200 -d "{\"refresh\":\"$eve_stays\"}" /api/v1/token/refresh/
eve_stays=$(json 'd["refresh"]')
stop_hub
check "a password is changed" eval 'printf "changed-ann\n" | hub user passwd ann --password-stdin'
check "restore" hub restore "$T/eve.db"
like "it says that passwords are the old ones" "$err" 'those of the copy.*password'
like "and that sign-ins are not" "$out" 'Sign-ins are those that were there'
serve
as=()
refuses "what was ended stays so" 401 session_invalid -H "Authorization: Bearer $eve_ends" /api/v1/events/?limit=1
refuses "also its refresh token" 401 session_invalid -d "{\"refresh\":\"$eve_ends_refresh\"}" /api/v1/token/refresh/
answers "what was refreshed since goes on" 200 -d "{\"refresh\":\"$eve_stays\"}" /api/v1/token/refresh/
token ann
is "the password is that of the backup" "$status" 200
stop_hub

# Where nothing tells which have ended, all have.
python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(0); f.write(b"x" * 4096)' "$hub_data/hub.db"
check "over broken accounts" hub restore "$T/eve.db" --json
is "nobody is signed in" "$(json 'd["sessions"]')" 0
serve
refuses "a sign-in of the backup has ended" 401 session_invalid -H "Authorization: Bearer $eve_ends" /api/v1/events/?limit=1
stop_hub
check "it reads well" hub verify

# --- on another machine, from nothing
hub_data=$T/elsewhere hub_listen=127.0.0.1:0
check "restore into a new folder" hub restore "$T/copy.db" --json
is "nothing was there" "$(json 'd["kept"]')" null
serve
token ann
is "ann signs in there" "$status" 200
stop_hub

# --- files that are no backup
printf 'nonsense' >"$T/bad.db"
exits "nonsense" 1 hub restore "$T/bad.db"
like "is named" "$err" 'bad.db'
exits "a file that is not there" 1 hub restore "$T/absent.db"
cp "$hub_data/replica.db" "$T/bad.db"
exits "a database that is no backup" 1 hub restore "$T/bad.db"
like "is named" "$err" 'no backup of a hub'
python3 - "$T/copy.db" "$T" <<'P'
import shutil, sqlite3, sys
copy, t = sys.argv[1:]
def edit(name, sql):
    shutil.copy(copy, t + "/" + name)
    d = sqlite3.connect(t + "/" + name)
    d.execute(sql)
    d.commit()
edit("newer.db", "UPDATE hub_backup SET format = 2")
edit("lost.db", "DELETE FROM event WHERE at = (SELECT max(at) FROM event)")
edit("broken.db", "UPDATE hub_backup SET accounts = substr(accounts, 1, 5000)")
P
sum=$(cat "$hub_data"/{replica,hub}.db | sha256sum)
exits "one of a newer version" 1 hub restore "$T/newer.db"
like "is named" "$err" 'newer version'
exits "one that lost an event" 1 hub restore "$T/lost.db"
like "is named" "$err" 'fault'
exits "one whose accounts are cut" 1 hub restore "$T/broken.db"
is "the folder is as it was" "$(cat "$hub_data"/{replica,hub}.db | sha256sum)" "$sum"

# --- a hub that lost something says so; a restore that was cut short too
python3 -c 'import sqlite3, sys
d = sqlite3.connect(sys.argv[1]); d.execute("DELETE FROM event WHERE at = (SELECT min(at) FROM event)"); d.commit()' "$hub_data/replica.db"
exits "verify finds what is missing" 1 hub verify
like "and names it" "$err" 'wrong: '
run hub verify --json
is "as JSON" "$code $(json '[d["ok"], len(d["findings"]) > 0]')" "1 [false, true]"
exits "it is not backed up" 1 hub backup "$T/again.db"
check "no file of it" [ ! -e "$T/again.db" -a ! -e "$T/again.db.part" ]
touch "$hub_data/restoring"
exits "a restore that was cut short" 1 "$CLOWDER" hub serve --data "$hub_data" --listen 127.0.0.1:0
like "is named" "$err" 'restore was cut short'
check "done to its end" hub restore "$T/copy.db"
check "it reads well" hub verify
serve
alive "and serves"
stop_hub
done_testing
