// What a script does that keeps the todos of all sessions together: every file is
// read, a todo is known by its text, the highest status wins, a project is guessed
// from words.  Two JSON files come out, each written beside and moved; nothing is
// stamped, merged, synced or remembered, so the next run reads everything again.
// Beside `clowder consolidate` in the table of ./dev bench.
//
//	node consolidate.js FOLDER OUT
"use strict";
const fs = require("fs");
const path = require("path");

const [folder, out] = process.argv.slice(2);
const words = ["schema", "chat", "router", "check", "proof"];
const todos = new Map();
const projects = new Map();

function project(content) {
	const text = content.toLowerCase();
	return words.find((word) => text.includes(word)) || "general";
}

function take(todo) {
	const known = todos.get(todo.content);
	if (!known)
		todos.set(todo.content, todo);
	else if (todo.status === "completed" && known.status !== "completed")
		todos.set(todo.content, todo);
	else if (todo.status === "in_progress" && known.status === "pending")
		todos.set(todo.content, todo);
}

function write(name, value) {
	const to = path.join(out, name);
	fs.writeFileSync(to + ".tmp", JSON.stringify(value, null, 2));
	fs.renameSync(to + ".tmp", to);
}

for (const name of fs.readdirSync(folder)) {
	if (!name.endsWith(".json"))
		continue;
	let list;
	try {
		list = JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));
	} catch (e) {
		continue;
	}
	for (const todo of list)
		take({ ...todo, session: name.slice(0, 36) });
}
for (const todo of todos.values()) {
	const name = project(todo.content);
	const p = projects.get(name) || { project_name: name, sessions: new Set(), todos: [] };
	p.sessions.add(todo.session);
	p.todos.push(todo);
	projects.set(name, p);
}
write("todos.json", [...todos.values()]);
write("projects.json", {
	last_updated: new Date().toISOString(),
	projects: [...projects.values()].map((p) => ({
		project_name: p.project_name,
		sessions: [...p.sessions],
		session_count: p.sessions.size,
		todo_count: p.todos.length,
		active_todos: p.todos.filter((t) => t.status !== "completed").length,
		completed_todos: p.todos.filter((t) => t.status === "completed").length,
		todos: p.todos,
	})),
});
