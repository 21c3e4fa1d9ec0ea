"""Everything that a hub does, at once and briefly: what a thread sanitizer wants to
see. traffic.py URL NAME PASSWORD SEED prints what became of it in one line."""

import http.client
import json
import random
import sys
import threading

url, name, password, seed = sys.argv[1:]
address = url.split("//")[1]
BATCHES = 12
lock = threading.Lock()
done = threading.Event()
acked, wrong, calls = {}, [], [0]


class Peer:
    def __init__(self):
        self.c = http.client.HTTPConnection(address, timeout=60)
        self.token = None

    def call(self, method, path, body=None, want=(200,), head=()):
        head = dict(head)
        if self.token:
            head["Authorization"] = "Bearer " + self.token
        self.c.request(method, path, body and json.dumps(body), head)
        a = self.c.getresponse()
        text = a.read()
        with lock:
            calls[0] += 1
            if a.status not in want:
                wrong.append("%s %s: %d %s" % (method, path, a.status, text[:200]))
        try:
            return json.loads(text)
        except ValueError:
            return {}

    def sign_in(self):
        d = self.call("POST", "/api/v1/token/", {"username": name, "password": password})
        self.token = d.get("access")
        return d


def event(n):
    return {"event_id": "01890000-0000-7000-8000-%012x" % n, "event_type": "todo_added",
            "aggregate_type": "todo", "aggregate_id": "todo-%d" % (n % 97), "lamport_clock": n,
            "node_id": "n%d" % (n >> 20), "timestamp": "2026-04-28T10:30:00Z", "replaces": [],
            "payload": {"content": "number %d" % n}}


def writer(i):
    dice, p = random.Random(int(seed) * 10 + i), Peer()
    p.sign_in()
    n = (i + 1) << 20
    for _ in range(BATCHES):
        size = dice.choice((1, 1, 5, 40))
        d = p.call("POST", "/api/v1/events/batch/",
                   {"events": [event(n + k) for k in range(size)]})
        n += size
        with lock:
            acked.update((r["event_id"], r.get("seq")) for r in d.get("results", ()))


def reader(_):
    p, epoch, after = Peer(), "", 0
    p.sign_in()
    while not done.is_set():
        d = p.call("GET", "/api/v1/events/?epoch=%s&after=%d&limit=50" % (epoch, after))
        epoch = d.get("epoch", "")
        after = d["events"][-1]["seq"] if d.get("events") else 0
        p.call("GET", "/api/v1/snapshot/", head={"Accept-Encoding": "gzip"}.items())


def visitor(_):
    p = Peer()
    p.call("POST", "/api/v1/token/", {"username": name, "password": "no"}, want=(401,))
    while not done.is_set():
        grant = p.sign_in()
        p.call("GET", "/api/v1/me")
        p.call("GET", "/api/health")
        p.call("GET", "/metrics")
        p.call("POST", "/api/v1/token/refresh/", {"refresh": grant.get("refresh")})
        p.call("GET", "/api/v1/nothing", want=(404,))
        p.token = None


def at_once(makers):
    threads = [threading.Thread(target=f, args=(i,)) for i, f in enumerate(makers)]
    for t in threads:
        t.start()
    return threads


others = at_once([reader, reader, visitor])
for t in at_once([writer] * 4):
    t.join()
done.set()
for t in others:
    t.join()
p, have, after, epoch = Peer(), {}, 0, ""
p.sign_in()
while True:
    d = p.call("GET", "/api/v1/events/?epoch=%s&after=%d" % (epoch, after))
    for e in d["events"]:
        have[e["event"]["event_id"]] = after = e["seq"]
    epoch = d["epoch"]
    if after == d["head"]:
        break
for line in wrong[:5]:
    print(line, file=sys.stderr)
print("%d calls, %d events" % (calls[0], len(have)), file=sys.stderr)
print("wrong %d, lost %d, more %d" % (len(wrong), sum(have.get(i) != s for i, s in acked.items()),
                                      len(have) - len(acked)))
