"""Events as another program would write them, for files that are imported.

    PYTHONPATH=<this folder> python3 -c 'from events import *; ...'

export(FILE, events) writes what `clowder import` reads; event() makes one."""

import json
import uuid

NODE = "f" * 32
_made = [0]


def header(**members):
    return dict({"clowder": "export", "version": 1, "program": "test",
                 "space": {"hub": "", "account": "", "team": "local"}, "project": None,
                 "exported_at": "2026-01-01T00:00:00.000Z"}, **members)


def event(kind, aggregate, key, payload, clock=None, node=NODE, project=None, replaces=(), **members):
    """The next event of this node; members with value "-" are left out."""
    _made[0] += 1
    n = _made[0]
    e = {"event_id": "01890000-0000-7000-8000-%012x" % (members.pop("n", None) or n),
         "event_type": kind, "aggregate_id": key, "aggregate_type": aggregate,
         "lamport_clock": clock or n, "node_id": node, "node_seq": n,
         "timestamp": "2026-01-01T00:00:00.000Z", "schema_version": 1,
         "replaces": list(replaces), "author": "user:eve", "payload": payload}
    if project:
        e["project_uuid"] = project
    e.update(members)
    return {k: v for k, v in e.items() if v != "-"}


def export(path, events, **members):
    with open(path, "w", encoding="utf-8", errors="surrogatepass") as f:
        for e in [header(**members)] + list(events):
            f.write((e if isinstance(e, str) else json.dumps(e, ensure_ascii=False)) + "\n")


def project_of(path):
    """The uuid in a project.toml."""
    for line in open(path):
        if line.startswith("uuid"):
            return str(uuid.UUID(line.split('"')[1]))
