"""Followers of a daemon's events (GET /api/events/) that do not read.

    followers.py COUNT EVENTS URL TOKEN

Says "ready" when all are let in, and reads nothing until a line comes on stdin.
Then each reads until it has EVENTS, and says what it made of them: one line
"N whole" where each saw the places 1 to EVENTS once and in order, else what
the first that did not saw.
"""
import json
import select
import socket
import sys
from urllib.parse import urlsplit

WAIT_S = 60  # without a byte


class Follower:
    def __init__(self, at, token):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.settimeout(WAIT_S)
        self.sock.connect((at.hostname, at.port))
        self.sock.sendall((
            "GET /api/events/?after=0 HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n"
            % (at.netloc, token)).encode())
        self.rest, self.seen, self.wrong = b"", 0, None
        if not self.sock.recv(12).endswith(b"200"):
            raise SystemExit("not let in")
        self.sock.setblocking(False)

    def read(self):
        data = self.sock.recv(65536)
        if not data:
            self.wrong = "ended after %d" % self.seen
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            if line.startswith(b"data: "):
                pos = json.loads(line[6:])["pos"]
                self.seen += 1
                if pos != self.seen and not self.wrong:
                    self.wrong = "place %d where %d was due" % (pos, self.seen)


def main():
    count, events, url, token = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    all_of_them = [Follower(urlsplit(url), token) for _ in range(count)]
    print("ready", flush=True)
    sys.stdin.readline()
    waiting = set(all_of_them)
    while waiting:
        there = select.select([f.sock for f in waiting], [], [], WAIT_S)[0]
        if not there:
            raise SystemExit("nothing comes: %s" % sorted(f.seen for f in waiting))
        for f in list(waiting):
            if f.sock in there:
                f.read()
            if f.wrong or f.seen >= events:
                waiting.discard(f)
    wrong = [f.wrong for f in all_of_them if f.wrong]
    print(wrong[0] if wrong else "%d whole" % count, flush=True)


main()
