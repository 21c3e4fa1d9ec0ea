#!/usr/bin/env bash
# Goal: the board on a whole terminal follows what anybody writes, moves cards by
# the rules, and gives the terminal back.
. "$(dirname "$0")/lib.sh"
goal "two boards in two terminals move together"

TMUX_TMPDIR=$T
export TMUX_TMPDIR
tm() { tmux -L board -f /dev/null "$@"; }
end_tmux() { tm kill-server 2>/dev/null; cleanup; }
trap end_tmux EXIT

# pane NAME WIDTH HEIGHT COMMAND: a terminal of its own
pane() {
	tm new-session -d -s "$1" -x "$2" -y "$3" \
		"env TERM=screen-256color NO_COLOR= $4; echo \"code \$?\"; stty -a | grep -o ' -\\?echo ' | sed 's/ //g; s/^/tty:/'; exec cat"
}
picture() { tm capture-pane -p -t "=$1:"; }
sees() { picture "$1" | grep -qF -- "$2"; }     # sees NAME TEXT
hides() { ! picture "$1" | grep -qF -- "$2"; }
keys() { tm send-keys -t "=$1:" "${@:2}"; }
# under NAME LANE ID: the card stands in this lane's column
under() {
	picture "$1" | python3 -c '
import sys
lane, card = sys.argv[1:]
rows = sys.stdin.read().split("\n")
at = rows[1].find(lane)
sys.exit(not (at >= 0 and any(r[at:].startswith(card) for r in rows[3:])))' "$2" "$3"
}

home a
export CLOWDER_AUTHOR=user:ann
clowder init --slug shop >/dev/null 2>&1

exits "off a terminal it says so" 2 clowder board --watch
exits "nor is it JSON" 2 clowder board --watch --json
home a
pane near 130 30 "clowder board --watch"
pane far 130 30 "clowder board --watch"
wait_for "a board of nothing" sees near "0 work packages"
clowder feature add 001-checkout --title Checkout >/dev/null
clowder wp add "Cart page" >/dev/null
clowder wp add "Payment" --depends WP01 >/dev/null
clowder wp add "日本語 👩‍💻 und rot" >/dev/null
wait_for "what is written elsewhere is there" under near planned WP01
wait_for "in both" under far planned WP03
wait_for "what holds it up" sees near "waits for WP01"
wait_for "signs of any width keep their cells" sees near "日本語"
wait_for "and what waits to be sent" sees far "waiting, the oldest"

# --- moves ---------------------------------------------------------------------------
keys near '>'
wait_for "a key moves the card" under near claimed WP01
wait_for "there as well" under far claimed WP01
wait_for "with who has it" sees far ann
keys near '>'
wait_for "on" under far "in progress" WP01
keys near '<'
wait_for "back is asked why" sees near "reason: "
keys near Escape
wait_for "and may be left" hides near "reason: "
keys near '<' 'too early' Enter
wait_for "or answered" under far planned WP01
like "which is in the log" "$(clowder log --limit 1)" 'in_progress → planned \(too early\)'
keys near '<'
wait_for "what is not allowed is said" sees near "no such move from planned"
keys near b
wait_for "blocked" under far blocked WP01
keys near '>'
wait_for "and on" under far "in progress" WP01
keys near '>'
wait_for "to review" under far "for review" WP01
keys near H
wait_for "sent back by a review" sees near "review: "
keys near PR-7 Enter
wait_for "which is named" under far "in progress" WP01

# --- another process is faster ----------------------------------------------------------
clowder wp move WP02 claimed >/dev/null 2>&1
wait_for "a command moves a card" under near claimed WP02
CLOWDER_AUTHOR=user:bob clowder wp edit WP01 --title "Basket" >/dev/null
wait_for "or names it anew" sees near Basket

# --- looking ----------------------------------------------------------------------------------
keys far / bask
wait_for "a filter as it is typed" hides far WP02
wait_for "leaves what fits" sees far Basket
keys far Enter Escape
wait_for "and goes" sees far WP02
keys far '?'
wait_for "help" sees far "the card goes on to the next lane"
keys far x
wait_for "and back" hides far "the card goes on"
keys near Enter
wait_for "details" sees near "001-checkout/WP01"
keys near Escape

# --- sizes ---------------------------------------------------------------------------------------
tm resize-window -t =near: -x 44 -y 16
wait_for "narrow: fewer lanes" hides near done
wait_for "the cursor's among them" sees near Basket
wait_for "and it says that there is more" sees near '›'
tm resize-window -t =near: -x 12 -y 5
wait_for "too small says so" sees near "too small"
tm resize-window -t =near: -x 130 -y 30
wait_for "and wide again" under near planned WP03

# --- the end ---------------------------------------------------------------------------------------
keys near q
wait_for "q ends it with 0" sees near "code 0"
wait_for "the terminal is as it was" sees near "tty:echo"
far_pid=$(tm list-panes -t =far: -F '#{pane_pid}')
board_pid=$(tr -d ' ' <"/proc/$far_pid/task/$far_pid/children")
kill -TERM "$board_pid"
wait_for "a signal ends it with 130" sees far "code 130"
wait_for "the terminal is as it was" sees far "tty:echo"
pane ctrl 80 24 "clowder board --watch --feature 001"
wait_for "one feature" sees ctrl "001-checkout  3 work packages"
keys ctrl C-c
wait_for "^C as well" sees ctrl "code 130"
pane dumb 80 24 "TERM=nosuch clowder board --watch"
wait_for "a terminal that is none" sees dumb "cannot be drawn on (TERM=nosuch)"
pane none 80 24 "clowder board --watch --feature nosuch"
wait_for "an error is said when the terminal is back" sees none "code 1"
wait_for "in words" sees none "no feature"

# --- the connection -----------------------------------------------------------------------------------
serve
user ann
check "ann signs in" sign_in ann
pane wire 130 30 "clowder board --watch"
wait_for "without a daemon" sees wire "no daemon"
daemon_up
wait_for "live" sees wire "in step  live"
stop_hub KILL
wait_for "the hub has gone: what is known" sees wire "nothing waits  "
check "and no more" hides wire "in step"
check "ann writes" clowder todo add "alone"
wait_for "what waits" sees wire "queued  1 waiting, the oldest"
serve
wait_for "and in step again" sees wire "in step  live"
check "the daemon stops" clowder daemon stop
WAIT_S=3 wait_for "which is seen at once" sees wire "no daemon"
done_testing
