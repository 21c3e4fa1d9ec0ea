"""A member of a team who says that sessions are at work, whatever they are.

    presence_peer.py HUB-URL NAME TEAM SESSIONS

SESSIONS: a JSON array.  Says "ready" once the hub tells all of them to the team, and
stays until its input ends.
"""
import asyncio
import json
import sys
import urllib.request

import websockets

HUB, NAME, TEAM = sys.argv[1:4]
SESSIONS = json.loads(sys.argv[4])
WAIT = 20  # seconds, for what has to come


def call(path, body, access=None):
    request = urllib.request.Request(HUB + path, data=json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if access:
        request.add_header("Authorization", "Bearer " + access)
    with urllib.request.urlopen(request, timeout=WAIT) as answer:
        return json.load(answer)


async def told(ws):
    want = {s["session_id"] for s in SESSIONS}
    while True:
        m = json.loads(await asyncio.wait_for(ws.recv(), WAIT))
        if m["type"] == "error":
            raise SystemExit(m)
        if m["type"] == "presence" and want <= {s["session_id"] for s in m["sessions"]}:
            return


async def answer(ws):
    async for text in ws:
        if json.loads(text)["type"] == "ping":
            await ws.send('{"type":"pong"}')


async def main():
    access = call("/api/v1/token/", {"username": NAME, "password": "secret-" + NAME})["access"]
    token = call("/api/v1/ws-token/", {"team_id": TEAM}, access)["ws_token"]
    async with websockets.connect(
            HUB.replace("http", "ws", 1) + "/ws/v1/events/", subprotocols=["clowder.v1"],
            extra_headers={"Authorization": "Bearer " + token}, max_size=1 << 20) as ws:
        await ws.send('{"type":"hello","after":0}')
        await ws.send(json.dumps({"type": "presence", "sessions": SESSIONS}))
        await told(ws)
        print("ready", flush=True)
        answering = asyncio.ensure_future(answer(ws))
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        answering.cancel()


asyncio.run(main())
