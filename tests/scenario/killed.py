"""Kill -9 by chance, many times, and look whether what was acknowledged is there.

    killed.py hub TIMES SEED DATA LISTEN TOKEN     a hub while four clients send
    killed.py commands TIMES SEED FOLDER           commands while they write

Prints one line of what it found; says more on stderr. $CLOWDER is the program."""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

CLOWDER = os.environ["CLOWDER"]


def event(n, kind="todo_added"):
    return {"event_id": "01890000-0000-7000-8000-%012x" % n, "event_type": kind,
            "aggregate_type": "todo", "aggregate_id": "todo-%d" % n, "lamport_clock": n,
            "node_id": "n1", "timestamp": "2026-04-28T10:30:00Z", "replaces": [],
            "payload": {"content": "number %d" % n}}


# --- the hub ---------------------------------------------------------------------

class Hub:
    """A hub that is killed and started again at the same place."""

    def __init__(self, data, listen, token):
        self.data, self.listen, self.token = data, listen, token
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [CLOWDER, "hub", "serve", "--json", "--data", self.data, "--listen", self.listen],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if '"' not in line and "{" not in line:
            sys.exit("the hub does not start: " + self.process.stderr.read())
        # What it prints is read by nobody.
        for pipe in (self.process.stdout, self.process.stderr):
            threading.Thread(target=pipe.read, daemon=True).start()

    def kill(self):
        self.process.kill()
        return self.process.wait() == -signal.SIGKILL

    def call(self, connection, method, path, body=None):
        connection.request(method, path, body, {"Authorization": "Bearer " + self.token})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


class Ledger:
    """What was acknowledged, by whom."""

    def __init__(self):
        self.changed = threading.Condition()
        self.seq, self.next, self.answers = {}, 1, 0
        self.wrong, self.ended = [], False

    def numbers(self, n):
        with self.changed:
            first = self.next
            self.next += n
            return first

    def told(self, results):
        with self.changed:
            for r in results:
                if r["status"] == "rejected":
                    self.wrong.append("rejected: %s" % r)
                elif self.seq.setdefault(r["event_id"], r["seq"]) != r["seq"]:
                    self.wrong.append("moved: %s" % r)
            self.answers += 1
            self.changed.notify_all()

    def await_answers(self, n):
        with self.changed:
            enough = self.answers + n
            if not self.changed.wait_for(lambda: self.answers >= enough, 60):
                sys.exit("no answer in 60 s")


def send_on(hub, ledger, dice):
    """A batch is sent again until it is answered: then it is acknowledged."""
    connection = None
    while not ledger.ended:
        n = dice.choice((1, 1, 3, 20, 200))
        first = ledger.numbers(n)
        body = json.dumps({"events": [event(first + i) for i in range(n)]})
        while not ledger.ended:
            try:
                connection = connection or http.client.HTTPConnection(hub.listen, timeout=30)
                status, answer = hub.call(connection, "POST", "/api/v1/events/batch/", body)
            except (OSError, http.client.HTTPException, ValueError):
                connection = None  # it is being killed, or gone
                continue
            if status == 200:
                ledger.told(answer["results"])
                break
            if status != 503:
                ledger.wrong.append("%d %s" % (status, answer))
                return


def pull_all(hub):
    """Every event by its seq; wrong where one is there twice or a number is not."""
    connection = http.client.HTTPConnection(hub.listen, timeout=30)
    have, after, epoch, wrong = {}, 0, "", 0
    while True:
        status, d = hub.call(connection, "GET",
                             "/api/v1/events/?epoch=%s&after=%d" % (epoch, after))
        if status != 200:
            sys.exit("%d %s" % (status, d))
        for e in d["events"]:
            wrong += e["seq"] != after + 1 or e["event"]["event_id"] in have
            after = e["seq"]
            have[e["event"]["event_id"]] = after
        epoch = d["epoch"]
        if after == d["head"]:
            return have, wrong


def verify(*args):
    done = subprocess.run([CLOWDER, *args], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        print(done.stdout, done.stderr, file=sys.stderr)
    return done.returncode == 0


def kill_hub(times, seed, data, listen, token):
    hub, ledger = Hub(data, listen, token), Ledger()
    killed = verified = 0
    hub.start()
    clients = [threading.Thread(target=send_on, daemon=True,
                                args=(hub, ledger, random.Random(seed * 10 + i)))
               for i in range(4)]
    for c in clients:
        c.start()
    dice = random.Random(seed)
    for i in range(times):
        ledger.await_answers(dice.randrange(1, 12))
        killed += hub.kill()
        if i % 10 == 0:
            verified += verify("hub", "verify", "--data", data)
        hub.start()
    ledger.await_answers(4)
    ledger.ended = True
    for c in clients:
        c.join()
    have, wrong = pull_all(hub)
    lost = sum(have.get(i) != seq for i, seq in ledger.seq.items())
    hub.process.terminate()
    ended = hub.process.wait()
    whole = verify("hub", "verify", "--data", data)
    for line in ledger.wrong[:5]:
        print(line, file=sys.stderr)
    print("%d events acknowledged by answers, %d there" % (len(ledger.seq), len(have)),
          file=sys.stderr)
    print("killed %d, verified %d, lost %d, doubled or missing numbers %d, wrong %d, ended %d, "
          "whole %s" % (killed, verified, lost, wrong, len(ledger.wrong), ended, whole))


# --- commands ----------------------------------------------------------------------

class Writer:
    """Commands that write, one after the other; each may be killed."""

    def __init__(self, folder, seed):
        self.dice, self.folder = random.Random(seed), folder
        self.acked, self.n = {}, 0
        self.sessions, self.observed = os.path.join(folder, "sessions"), []
        os.mkdir(self.sessions)
        self.typical = {}  # seconds that a command of a kind takes
        status = subprocess.run([CLOWDER, "sync", "status", "--json"], check=True,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.project = json.loads(status.stdout)["project"]

    def command(self, kind):
        """Arguments, and what it promises by its success: title -> how often."""
        self.n += 1
        title = "%s %d" % (kind, self.n)
        if kind == "import":
            path = os.path.join(self.folder, "import-%d" % self.n)
            with open(path, "w", encoding="utf-8") as f:
                f.write(json.dumps({"clowder": "export", "version": 1, "program": "t",
                                    "space": {"hub": "", "account": "", "team": "local"},
                                    "project": None,
                                    "exported_at": "2026-01-01T00:00:00.000Z"}) + "\n")
                for i in range(100):
                    e = event(10 ** 9 + self.n * 1000 + i)
                    e["lamport_clock"] = e["node_seq"] = self.n * 1000 + i
                    e["node_id"] = "n2"
                    e["project_uuid"] = self.project
                    e["payload"] = {"content": "%s.%d" % (title, i)}
                    f.write(json.dumps(e) + "\n")
            return ["import", path], ["%s.%d" % (title, i) for i in range(100)]
        if kind == "consolidate":
            for i in range(50):
                self.write_session(self.n * 100 + i, ["%s.%d.%d" % (title, i, k) for k in range(3)])
            # Also what an earlier one that was killed had not come to.
            return ["consolidate", self.sessions], self.observed
        if kind == "sync":
            return ["sync", "now"], []
        return [kind, "add", title], [title]

    def write_session(self, number, texts):
        name = "%08x-0000-4000-8000-000000000000" % number
        self.observed.extend(texts)
        with open(os.path.join(self.sessions, "%s-agent-%s.json" % (name, name)), "w",
                  encoding="utf-8") as f:
            json.dump([{"content": t, "status": "pending", "activeForm": "x"} for t in texts], f)

    def run(self, kind, kill):
        """True: it was killed before it had ended."""
        args, promise = self.command(kind)
        began = time.monotonic()
        p = subprocess.Popen([CLOWDER, *args], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if kill:
            # When it dies is chance; nothing waits for it to have done something.
            try:
                p.wait(self.dice.uniform(0, 1.1) * self.typical[kind])
            except subprocess.TimeoutExpired:
                p.kill()
        out, _ = p.communicate()
        if p.returncode == 0:
            self.typical[kind] = time.monotonic() - began
            self.acked.update((t, 1) for t in promise)
        elif p.returncode != -signal.SIGKILL:
            sys.exit("%s: exit %d: %s" % (args, p.returncode, out))
        return p.returncode == -signal.SIGKILL


def titles():
    """Every text that was written, and how often it is there."""
    found = {}
    out = subprocess.run([CLOWDER, "log", "--limit", "0", "--json"], check=True,
                         stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    for line in out.splitlines():
        payload = json.loads(line)["event"]["payload"]
        text = payload.get("content") or payload.get("title")
        if text:
            found[text] = found.get(text, 0) + 1
    return found


def kill_commands(times, seed, folder):
    w = Writer(folder, seed)
    kinds = ["todo", "todo", "wp", "import", "consolidate", "sync"]
    for kind in sorted(set(kinds)):
        w.run(kind, False)
    killed = {k: 0 for k in sorted(set(kinds))}
    verified = 0
    while sum(killed.values()) < times:
        kind = w.dice.choice(kinds)
        if w.run(kind, True):
            killed[kind] += 1
            if sum(killed.values()) % 10 == 1:
                verified += verify("verify")
    w.run("consolidate", False)
    found = titles()
    lost = sum(t not in found for t in w.acked)
    doubled = sum(n != 1 for n in found.values())
    whole = verify("verify")
    print("killed %s; %d texts acknowledged, %d there" % (killed, len(w.acked), len(found)),
          file=sys.stderr)
    print("killed %d, verified %d, lost %d, doubled %d, whole %s"
          % (sum(killed.values()), verified, lost, doubled, whole))


if sys.argv[1] == "hub":
    kill_hub(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
else:
    kill_commands(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
