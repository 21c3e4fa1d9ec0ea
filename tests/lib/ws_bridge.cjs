// A server made with npm's ws, in front of a hub: as ws_bridge.py.
//
//	NODE_PATH=/usr/share/nodejs node ws_bridge.cjs HUB_URL PORT whole|pieces
"use strict";
const http = require("http");
const WebSocket = require("ws");

const HUB = new URL(process.argv[2]);
const PIECES = process.argv[4] === "pieces";
const PROTOCOL = "clowder.v1";
const OPTIONS = { maxPayload: 32 << 20, perMessageDeflate: false };

const say = (word) => process.stdout.write(word + "\n");

// Cut anywhere, also within characters.
function send(target, data) {
	if (!PIECES || data.length === 0) {
		target.send(data, { binary: false });
		return;
	}
	const step = Math.max(1, Math.floor(data.length / 3));
	for (let at = 0; at < data.length; at += step) {
		target.send(data.subarray(at, at + step),
			{ binary: false, fin: at + step >= data.length });
		target.ping("between");
	}
}

function carry(source, target) {
	source.on("message", (data, binary) => {
		if (binary)
			source.close(1003);
		else if (target.readyState === WebSocket.OPEN)
			send(target, data);
	});
	source.on("close", (code, reason) =>
		target.close(code === 1005 || code === 1006 ? 1001 : code, reason));
	source.on("error", () => target.terminate());
}

function serve(ws, hub) {
	say("opened");
	ws.on("pong", () => say("ponged"));
	ws.ping("first");
	carry(ws, hub);
	carry(hub, ws);
}

const wss = new WebSocket.WebSocketServer({ noServer: true, ...OPTIONS });

function refuse(socket, status) {
	say("refused " + status);
	socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}

// Nobody is let in whom the hub does not let in.
function upgrade(request, socket, head) {
	const headers = {};
	for (const name of ["authorization", "origin"])
		if (request.headers[name] !== undefined)
			headers[name] = request.headers[name];
	const offered = request.headers["sec-websocket-protocol"] || "";
	const hub = new WebSocket(`ws://${HUB.host}${request.url}`,
		offered.includes(PROTOCOL) ? [PROTOCOL] : [], { headers, ...OPTIONS });
	let decided = false;
	socket.on("error", () => hub.terminate());
	hub.on("unexpected-response", (_, answer) => {
		decided = true;
		answer.resume();
		refuse(socket, answer.statusCode);
		hub.terminate();
	});
	hub.on("error", () => {
		if (!decided)
			refuse(socket, 503);
		decided = true;
	});
	hub.on("open", () => {
		decided = true;
		hub.pause(); // what the hub says at once is kept
		wss.handleUpgrade(request, socket, head, (ws) => {
			serve(ws, hub);
			hub.resume();
		});
	});
}

function pass(request, answer) {
	const onward = http.request({ host: HUB.hostname, port: HUB.port, method: request.method,
		path: request.url, headers: request.headers }, (from) => {
		answer.writeHead(from.statusCode, from.rawHeaders);
		from.pipe(answer);
	});
	onward.on("error", () => answer.destroy());
	request.pipe(onward);
}

const server = http.createServer(pass);
server.on("upgrade", upgrade);
server.listen(Number(process.argv[3]), "127.0.0.1", () =>
	say(`http://127.0.0.1:${server.address().port}`));
