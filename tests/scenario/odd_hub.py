"""A hub that behaves as it is told: refuses, keeps waiting, expires.

    odd_hub.py FOLDER       prints its port; reads FOLDER/rules.json before each
                            request; appends one line a request to FOLDER/requests

Rules: {"refuse": {"text in an event": "code"}, "wait": {...}, "access_s": 3600,
"status": {"path": [status, error, retry_after, message]}, "stall": {"path": seconds},
"answer": {"path": text of the body, or {"zeros": MiB, "gzip": bool}}, "foreign": [events that
are in the log], "teams": [slugs], "grant": {members of a sign-in}}.  It keeps a log per team, as
docs/protocol.md has it, so that an exchange with it is a whole one."""

import gzip
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

folder = sys.argv[1]
lock = threading.Lock()
logs = {}  # team: [event, ...]
tokens = {"access": set(), "refresh": "r0", "n": 0}


def rules():
    try:
        with open(os.path.join(folder, "rules.json")) as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def grant(rule):
    tokens["n"] += 1
    access = "access-%d" % tokens["n"]
    tokens["refresh"] = "refresh-%d" % tokens["n"]
    tokens["access"] = {access}
    return {"access": access, "refresh": tokens["refresh"],
            "access_lifetime": rule.get("access_s", 3600), "refresh_lifetime": 604800,
            "session_id": "s1", "team_slug": "ann", **rule.get("grant", {})}


def judge(log, event, rule):
    text = json.dumps(event)
    result = {"event_id": event["event_id"], "status": "rejected"}
    for needle, code in rule.get("refuse", {}).items():
        if needle in text:
            return dict(result, code=code, error=code, error_message="invalid: " + needle, retry=False)
    for needle, code in rule.get("wait", {}).items():
        if needle in text:
            return dict(result, code=code, error=code, error_message="wait for " + needle, retry=True)
    for seq, known in enumerate(log, 1):
        if known["event_id"] == event["event_id"]:
            return {"event_id": event["event_id"], "status": "duplicate", "seq": seq}
    log.append(event)
    return {"event_id": event["event_id"], "status": "success", "seq": len(log)}


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def say(self, status, body, retry_after=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(data)

    def odd(self, answer):
        """A body that no hub sends: a text, or very many zeros."""
        if isinstance(answer, str):
            data = answer.encode()
        else:
            data = bytes(answer["zeros"] << 20)
        if not isinstance(answer, str) and answer.get("gzip"):
            data = gzip.compress(data, 1)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        if not isinstance(answer, str) and answer.get("gzip"):
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:
            self.close_connection = True  # the client had enough

    def body(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        return data

    def handle_one(self):
        url = urllib.parse.urlparse(self.path)
        query = urllib.parse.parse_qs(url.query)
        data, rule = self.body(), rules()
        team = self.headers.get("X-Team-Slug") or "ann"
        with open(os.path.join(folder, "requests"), "a") as f:
            f.write("%s %s %s\n" % (self.command, url.path, team))
        if url.path in rule.get("stall", {}):
            time.sleep(rule["stall"][url.path])
        if url.path in rule.get("status", {}):
            status, error, retry_after, *message = rule["status"][url.path]
            return self.say(status, {"error": error, "message": (message or [error])[0]}, retry_after)
        if url.path in rule.get("answer", {}):
            return self.odd(rule["answer"][url.path])
        if url.path == "/api/v1/token/":
            return self.say(200, grant(rule))
        if url.path == "/api/v1/token/refresh/":
            if json.loads(data)["refresh"] != tokens["refresh"]:
                return self.say(401, {"error": "invalid_grant", "message": "spent"})
            return self.say(200, grant(rule))
        auth = self.headers.get("Authorization") or ""
        if auth[len("Bearer "):] not in tokens["access"]:
            return self.say(401, {"error": "unauthorized", "message": "expired"})
        if url.path == "/api/v1/me":
            teams = [{"id": "t-" + t, "slug": t, "name": t, "role": "owner",
                      "is_private_teamspace": t == "ann"} for t in rule.get("teams", ["ann"])]
            return self.say(200, {"user_id": "u1", "email": "ann@x", "name": "ann",
                                  "teams": teams, "session_id": "s1"})
        log = logs.setdefault(team, [])
        log += [e for e in rule.get("foreign", []) if e not in log]
        if url.path == "/api/v1/events/batch/":
            results = [judge(log, e, rule) for e in json.loads(data)["events"]]
            return self.say(200, {"results": results, "epoch": "e1", "head": len(log)})
        if url.path == "/api/v1/events/":
            after = int(query.get("after", ["0"])[0])
            rows = [{"seq": n, "user": "ann", "received_at": "2026-01-01T00:00:00Z", "event": e}
                    for n, e in enumerate(log, 1) if n > after][:1000]
            return self.say(200, {"epoch": "e1", "events": rows,
                                  "next": rows[-1]["seq"] if rows else after, "head": len(log)})
        self.say(404, {"error": "not_found", "message": "no such route"})

    def do_GET(self):
        with lock:
            self.handle_one()

    do_POST = do_GET


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
print(server.server_port, flush=True)
server.serve_forever()
