"""A proxy in front of a hub that spoils events on their way up.

spoil_proxy.py HUB_URL WORD: wherever WORD stands as a string in a batch, a
number takes its place, so that the hub refuses that event and no other.  Prints
its own URL, serves until it is killed.
"""
import gzip
import http.server
import sys
import urllib.error
import urllib.request

HUB, WORD = sys.argv[1], sys.argv[2].encode()


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {k: v for k, v in self.headers.items()
                   if k.lower() not in ("host", "content-length", "connection",
                                        "accept-encoding")}
        if self.path.startswith("/api/v1/events/batch"):
            packed = self.headers.get("Content-Encoding") == "gzip"
            plain = gzip.decompress(body) if packed else body
            plain = plain.replace(b'"' + WORD + b'"', b"7")
            body = gzip.compress(plain) if packed else plain
        request = urllib.request.Request(HUB + self.path, headers=headers,
                                         data=body or None, method=self.command)
        try:
            answer = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        data = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type",
                         answer.headers.get("Content-Type", "application/json"))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = forward

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
print("http://127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
