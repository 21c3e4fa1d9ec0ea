#!/usr/bin/env bash
# Goal: signing in and out, and a session that nobody else can use or lose.
. "$(dirname "$0")/lib.sh"
goal "sign-in"
home ann
serve
check "a team" clowder hub team add crew --data "$hub_data"
user ann --team crew --email ann@example.org

exits "nobody is signed in" 3 clowder auth status
is "what helps" "$err" 'clowder: not signed in
try: clowder auth login'
exits "no server, no sign-in" 1 clowder auth login -u ann -p x
like "what helps" "$err" '^try: clowder sync server '
check "a server" clowder sync server "$hub_url"
exits "a wrong password" 3 clowder auth login -u ann -p wrong
is "is said" "$err" 'clowder: wrong user name or password
try: clowder auth login -u ann'
exits "a name that is none" 3 clowder auth login -u nobody -p wrong
is "is said alike" "$err" 'clowder: wrong user name or password
try: clowder auth login -u nobody'
exits "no user" 2 clowder auth login -p x
exits "no password and no terminal" 2 clowder auth login -u ann
like "is said" "$err" 'use --password-stdin'
exits "nobody is signed in yet" 3 clowder auth whoami

run bash -c 'echo secret-ann | clowder auth login -u ann --password-stdin'
is "signed in" "$code" 0
like "is said" "$out" '^Signed in as ann$'
like "with the teams" "$out" '^  Teams +crew, ann$'
exits "status" 0 clowder auth status --json
is "knows it" "$(json '[d["user"], d["email"], d["server_url"], d["teams"]]')" \
	"[\"ann\", \"ann@example.org\", \"$hub_url\", [\"crew\", \"ann\"]]"
unlike "and shows no token" "$out" 'ey[A-Za-z0-9]{10}'
exits "whoami" 0 clowder auth whoami
is "the name alone" "$out" ann
is "the session is its owner's" "$(stat -c %a "$CLOWDER_HOME"/auth{,/session.sealed,/seal.salt} | tr '\n' ' ')" "700 600 600 "
! grep -qa 'ann@example.org\|refresh' "$CLOWDER_HOME/auth/session.sealed"
result $? "and sealed"
exits "again" 0 clowder auth login -u ann@example.org
like "is not needed" "$out" '^Already signed in as ann$'
exits "somebody else" 4 clowder auth login -u bob -p x
like "is asked to mean it" "$err" '\-\-force'
exits "the connection" 0 clowder sync status --check
like "is good" "$out" '^  Connection   Connected$'

# A session is bound to this machine, this user and its mode.
cp -r "$CLOWDER_HOME/auth" "$T/auth"
chmod 644 "$CLOWDER_HOME/auth/session.sealed"
exits "others may read it" 1 clowder auth status
like "so it is refused, with the command to run" "$err" "chmod 0?600 $CLOWDER_HOME/auth/session.sealed"
chmod 600 "$CLOWDER_HOME/auth/session.sealed"
head -c 32 /dev/zero >"$CLOWDER_HOME/auth/seal.salt"
exits "with another salt it is worth nothing" 3 clowder auth status
like "and a sign-in is what helps" "$err" '^try: clowder auth login$'
exits "the doctor says so" 1 clowder auth doctor
like "as critical" "$out" 'critical  F-001  The session cannot be read'
cp "$T"/auth/* "$CLOWDER_HOME/auth/"
exits "back it is good" 0 clowder auth status
exits "the doctor has nothing to say" 0 clowder auth doctor
like "and says that" "$out" '^No problems detected\.$'
exits "as JSON" 0 clowder auth doctor --json
is "sorted" "$(json 'list(d) == sorted(d) and list(d["session"]) == sorted(d["session"])')" true
is "with the session" "$(json 'd["session"]["present"]')" true

# A lock whose holder hangs.
python3 - "$CLOWDER_HOME/auth/refresh.lock" <<'P' &
import fcntl, sys, time
f = open(sys.argv[1], "w")
fcntl.flock(f, fcntl.LOCK_EX)
f.write('{"pid":1,"started_at":"2020-01-01T00:00:00Z","host":"elsewhere"}')
f.flush()
time.sleep(60)
P
holder=$!
pids+=("$holder")
held() { clowder auth doctor --json | grep -q '"stuck": true'; }
wait_for "the lock is held" held
exits "the doctor finds it" 1 clowder auth doctor
like "stuck" "$out" 'F-003  Refresh lock stuck \(age [0-9.]+s > threshold 60\.0s\)'
like "by another host" "$out" 'F-007 .*elsewhere'
exits "with another threshold it is not" 0 clowder auth doctor --stuck-threshold 900000000
exits "let go" 0 clowder auth doctor --unstick-lock
like "is said" "$out" 'was stuck, let go'
exits "then it is free" 0 clowder auth doctor --json
is "and not held" "$(json 'd["refresh_lock"]["held"]')" false
kill "$holder"

# Another server does not get this session.
check "another server" clowder sync server http://127.0.0.1:1
exits "nobody is signed in there" 3 clowder auth status
like "but here" "$err" "not signed in at http://127.0.0.1:1, only at $hub_url"
exits "nothing is sent there" 3 clowder sync now
check "back" clowder sync server "$hub_url"

# Two processes with one session.
clowder sync now >"$T/one" 2>&1 &
one=$!
clowder sync now >"$T/two" 2>&1 &
two=$!
wait "$one"
is "one exchange" $? 0
wait "$two"
is "and another at once" $? 0

# The hub ends the session.
check "the password changes" bash -c "printf 'another-secret\n' | clowder hub user passwd ann --password-stdin --data '$hub_data'"
ended() { clowder sync now 2>&1 | grep -q 'Authentication expired'; }
wait_for "the session ends at the hub" ended
exits "nobody is signed in any more" 3 clowder auth status
exits "an exchange says what helps" 3 clowder sync now
like "by command" "$err" '^try: clowder auth login$'
exits "the new password" 0 clowder auth login -u ann -p another-secret
check "is good" clowder sync now

exits "out" 0 clowder auth logout
[ ! -e "$CLOWDER_HOME/auth/session.sealed" ]
result $? "the session is gone"
exits "nobody is signed in" 3 clowder auth whoami
exits "out again" 3 clowder auth logout
exits "the hub's door is seen" 3 clowder sync status --check
is "as the documents say it" "$(printf '%s' "$out" | tail -n 2)" \
	"  Connection   Reachable (auth required)
               Server online (access forbidden)"

# A token in a file, for machines where nobody signs in.
token=$(curl -s "$hub_url/api/v1/token/" -H 'Content-Type: application/json' \
	-d '{"username":"ann","password":"another-secret"}' | sed -n 's/.*"access":"\([^"]*\)".*/\1/p')
printf '%s\n' "$token" >"$T/token"
CLOWDER_TOKEN_FILE=$T/token exits "a token from a file" 0 clowder sync now
printf 'nonsense\n' >"$T/token"
CLOWDER_TOKEN_FILE=$T/token exits "a wrong one" 3 clowder sync now
like "is said" "$err" 'CLOWDER_TOKEN_FILE'

# What Spec Kitty 2.x left.
curl -s "$hub_url/api/v1/token/" -H 'Content-Type: application/json' \
	-d '{"username":"ann","password":"another-secret"}' >"$T/grant"
out=$(cat "$T/grant")
mkdir -p ~/.spec-kitty
printf '[tokens]\naccess = "%s"\nrefresh = "%s"\naccess_expires_at = "2999-01-01T00:00:00+00:00"\n[user]\nusername = "ann"\n[server]\nurl = "%s"\n' \
	"$(json 'd["access"]')" "$(json 'd["refresh"]')" "$hub_url" >~/.spec-kitty/credentials
chmod 600 ~/.spec-kitty/credentials
sum=$(cksum <~/.spec-kitty/credentials)
exits "is taken over" 0 clowder auth import
like "and said" "$out" '^Signed in as ann with the tokens of '
is "and left alone" "$(cksum <~/.spec-kitty/credentials)" "$sum"
check "it works" clowder sync now
chmod 644 ~/.spec-kitty/credentials
exits "not where others can read it" 1 clowder auth import
done_testing
