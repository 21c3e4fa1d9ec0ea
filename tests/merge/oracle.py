#!/usr/bin/env python3
"""What docs/merge.md and the catalogue of docs/formats.md say, as directly as it
can be written down.

fold(lines) is a pure function of a set of events (JSON texts) and gives what
`clowder debug fold` prints.  Every entity is folded from nothing, in stamp
order, with its whole history at hand; nothing here is fast, incremental or
shared with the C code, so that the two can be held against each other.

    oracle.py [FILE]     events, one JSON object a line -> one line
"""

import hashlib
import json
import re
import sys

FOLD_VERSION = 1
SCHEMA_VERSION = 1

# ---------------------------------------------------------------- canonical form


class Number(str):
    """A number, kept as it was written."""


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number)


def canon(v):
    """Members sorted by their UTF-8 bytes, no white space, shortest escapes."""
    if v is None:
        return "null"
    if v is True:
        return "true"
    if v is False:
        return "false"
    if isinstance(v, Number):
        return str(v)
    if isinstance(v, int):
        return str(v)
    if isinstance(v, str):
        return json.dumps(v, ensure_ascii=False)
    if isinstance(v, list):
        return "[" + ",".join(canon(x) for x in v) + "]"
    names = sorted(v, key=lambda name: name.encode())
    return "{" + ",".join(canon(n) + ":" + canon(v[n]) for n in names) + "}"


def utf8(s):
    return s.encode()


# --------------------------------------------------------------------------- ids

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
HEX32 = re.compile(r"[0-9a-f]{32}")


def normal_id(text):
    """UUID lower case with hyphens, ULID upper case."""
    low = text.lower()
    if UUID.fullmatch(low):
        return low
    if HEX32.fullmatch(low):
        return "-".join((low[:8], low[8:12], low[12:16], low[16:20], low[20:]))
    return text.upper()


def normal_project(text):
    low = text.lower()
    if UUID.fullmatch(low) or HEX32.fullmatch(low):
        return normal_id(low)
    return text


# --------------------------------------------------------------------- catalogue

REGISTER, STATUS, TEXT, SET, LIST, FLAG, PER_SESSION = (
    "register", "status", "text", "set", "list", "flag", "per_session")

FIELDS = {
    "project": {
        REGISTER: "slug title remote_url team", FLAG: "archived"},
    "feature": {
        REGISTER: "title target_branch completed_at wp_count total_wps "
                  "total_duration",
        TEXT: "description", FLAG: "archived"},
    "work_package": {
        REGISTER: "title priority assignee phase", STATUS: "lane",
        TEXT: "description", SET: "tags dependencies resolved",
        LIST: "history", FLAG: "archived"},
    "todo": {
        REGISTER: "content priority", STATUS: "status", TEXT: "description",
        SET: "blocks blocked_by",
        PER_SESSION: "active_form owner list local_id"},
    "work_item": {
        TEXT: "body", SET: "technical_tags artifact_refs metadata.dependencies",
        LIST: "progress"},
    "session": {},
}
# Every other name is a register there.
OPEN = ("work_item", "session")


def kind_of(aggregate, field):
    """The kind of a field; None where the aggregate has no such field."""
    if field == "present":
        return FLAG
    for kind, names in FIELDS[aggregate].items():
        if field in names.split():
            return kind
    return REGISTER if aggregate in OPEN else None


AGGREGATE_ALIAS = {"WorkPackage": "work_package", "Feature": "feature"}

TYPE_ALIAS = {
    "FeatureCreated": "feature_created", "MissionCreated": "feature_created",
    "FeatureCompleted": "feature_completed", "WPCreated": "wp_created",
    "WPStatusChanged": "wp_status_changed", "WPAssigned": "wp_assigned",
    "HistoryAdded": "history_added",
    "DependencyResolved": "dependency_resolved", "ErrorLogged": "error_logged",
}

# Type -> aggregate; "" where the event's aggregate_type says it.
TYPES = {
    "project_created": "project", "project_updated": "project",
    "project_shared": "project", "agent_needed": "project",
    "feature_created": "feature", "feature_updated": "feature",
    "feature_completed": "feature", "feature_deleted": "feature",
    "wp_created": "work_package", "wp_updated": "work_package",
    "wp_status_changed": "work_package", "wp_assigned": "work_package",
    "history_added": "work_package", "dependency_resolved": "work_package",
    "wp_deleted": "work_package", "error_logged": "",
    "todo_observed": "todo", "todo_added": "todo", "todo_updated": "todo",
    "todo_status_changed": "todo", "todo_deleted": "todo",
    "work_item_changed": "work_item", "work_item_deleted": "work_item",
    "work_item_progress": "work_item",
    "session_started": "session", "session_heartbeat": "session",
    "session_ended": "session",
    "conflict_resolved": "", "reverted": "", "archived": "",
}

# The members of a payload that write the field of their name; "..." = any that
# is a field.  Types that are not here write none.
PROJECT = "slug title remote_url"
FEATURE = "title description target_branch wp_count"
FEATURE_LATER = FEATURE + " total_wps completed_at total_duration"
WP = "title description dependencies tags priority"
TODO = ("content active_form priority description owner blocks blocked_by list "
        "local_id")
MEMBERS = {
    "project_created": PROJECT, "project_updated": PROJECT,
    "project_shared": "team",
    "feature_created": FEATURE, "feature_updated": FEATURE_LATER,
    "feature_completed": FEATURE_LATER,
    "wp_created": WP, "wp_updated": WP, "wp_assigned": "phase",
    "todo_observed": TODO + " status", "todo_added": TODO + " status",
    "todo_updated": TODO, "todo_status_changed": "status",
    "reverted": "...",
}

DELETES = ("feature_deleted", "wp_deleted", "todo_deleted", "work_item_deleted")

# Least first.
RANK = {
    "lane": ("planned", "claimed", "in_progress", "blocked", "for_review",
             "approved", "canceled", "done"),
    "status": ("pending", "in_progress", "completed"),
}
# A move from one of these to a lower rank is a rollback ...
ROLLS_BACK_FROM = ("for_review", "approved", "done", "completed")
# ... unless it is to one of these.
NO_ROLLBACK_TO = ("blocked", "canceled")


def lane_normal(v):
    if not isinstance(v, str):
        return v
    v = v.lower()
    return "in_progress" if v == "doing" else v


# ------------------------------------------------------------------------- event


class Event:
    def __init__(self, text):
        o = parse(text)
        self.id = normal_id(o["event_id"])
        self.clock = int(o["lamport_clock"])
        self.node = o["node_id"]
        self.stamp = (self.clock, utf8(self.node), utf8(self.id))
        self.timestamp = o["timestamp"]
        self.payload = o["payload"]
        self.aggregate_id = o["aggregate_id"]
        self.git_branch = o.get("git_branch")
        # None: the program knows nothing of it.
        names = o.get("replaces")
        self.replaces = None if names is None else {normal_id(i) for i in names}
        self.type = TYPE_ALIAS.get(o["event_type"], o["event_type"])
        self.aggregate = TYPES.get(self.type)
        if self.aggregate == "":
            said = o["aggregate_type"]
            self.aggregate = AGGREGATE_ALIAS.get(said, said)
        self.folds = self.does_fold(o)
        uuid = o.get("project_uuid")
        self.project = "unplaced" if uuid is None else normal_project(uuid)
        self.observation = self.type == "todo_observed"
        self.reporter = (self.payload.get("reporter") if self.observation
                         else "node:" + self.node)
        if self.folds:
            self.entity = (self.project, self.aggregate, self.key())

    def does_fold(self, o):
        version = o.get("schema_version")
        if isinstance(version, Number) and re.fullmatch(r"-?\d+", version):
            if int(version) > SCHEMA_VERSION:
                return False
        if o.get("draft") is not None or o.get("key_id") is not None:
            return False
        return self.aggregate in FIELDS

    def key(self):
        if self.aggregate == "work_package":
            return self.feature() + "/" + self.wp_id()
        if self.aggregate == "feature":
            slug = self.slug()
            return self.aggregate_id if slug is None else slug
        return self.aggregate_id

    def slug(self):
        for name in ("feature_slug", "mission_slug"):
            if self.payload.get(name) is not None:
                return self.payload[name]
        return None

    def feature(self):
        if self.slug() is not None:
            return self.slug()
        if "/" in self.aggregate_id:
            return self.aggregate_id.split("/", 1)[0]
        if self.git_branch is not None:
            m = re.fullmatch(r"\d{3}-[a-z0-9]+(-[a-z0-9]+)*", self.git_branch)
            if m:
                return m.group()
        return "unplaced"

    def wp_id(self):
        if self.payload.get("wp_id") is not None:
            return self.payload["wp_id"]
        return self.aggregate_id.split("/", 1)[-1]


# What an event writes: (field, value), or for a field that it writes only where
# nothing stands there (field, value, "default").


def flat(value, aggregate, name=""):
    """Members of nested objects under dotted names, down to non-objects."""
    for member in sorted(value, key=utf8):
        path = name + "." + member if name else member
        v = value[member]
        if (isinstance(v, dict) and v
                and kind_of(aggregate, path) == REGISTER):
            yield from flat(v, aggregate, path)
        else:
            yield path, v


def named_fields(ev):
    p = ev.payload
    if ev.type in DELETES:
        return []
    if ev.type in ("agent_needed",):
        return None
    if ev.type == "error_logged" and ev.aggregate != "work_package":
        return None
    if ev.type in ("history_added", "error_logged"):
        return [("history", p)]
    if ev.type == "work_item_progress":
        return [("progress", p)]
    if ev.type == "archived":
        return [("archived", p["value"])]
    if ev.type == "conflict_resolved":
        return [(p["field"], p["value"])]
    if ev.type == "reverted":
        p = {name: v for name, v in p.items() if name != "reverts"}
    if ev.type == "wp_status_changed":
        return [("lane", p["to_lane"])]
    out = []
    if ev.type == "session_started":
        out.append(("state", "started"))
    if ev.type == "session_ended":
        out.append(("state", "ended"))
    if ev.type == "session_heartbeat":
        out.append(("last_heartbeat", ev.timestamp))
    if ev.type == "wp_assigned":
        out.append(("assignee", p["agent_id"]))
    if ev.type == "dependency_resolved":
        return [("resolved", [p["dependency_wp_id"]], "more")]
    if ev.type == "work_item_changed" or ev.type.startswith("session_"):
        out += list(flat(p, ev.aggregate))
    members = MEMBERS.get(ev.type, "").split()
    out += [(name, p[name]) for name in sorted(p, key=utf8)
            if name in members or "..." in members]
    if ev.type == "wp_created":
        out.append(("lane", "planned", "default"))
    if ev.type in ("todo_added", "todo_observed"):
        out.append(("status", "pending", "default"))
    return out


def writes_of(ev):
    """[(field, kind, value, how)], `present` last; each field once, [] where the
    event's type writes nothing."""
    named = named_fields(ev)
    if named is None:
        return []
    out = {}
    for field, value, *how in named:
        kind = kind_of(ev.aggregate, field)
        if kind is None or field in out:
            continue
        if kind == STATUS and field == "lane":
            value = lane_normal(value)
        out[field] = (field, kind, value, how[0] if how else "")
    if "present" not in out:
        out["present"] = ("present", FLAG, ev.type not in DELETES, "")
    return list(out.values())


# -------------------------------------------------------------------------- fold


class Write:
    """One write of one event to a field, or to one element of a set."""

    def __init__(self, ev, value):
        self.ev = ev
        self.id = ev.id
        self.value = value  # canonical
        self.parents = []
        self.seen = set()  # ids of all that it descends from
        self.round = 0


class Cell:
    """A field, or one element of a set."""

    def __init__(self, field, kind):
        self.field = field
        self.kind = kind
        self.writes = []  # all, in stamp order
        self.heads = []   # in stamp order

    def rank(self, w):
        names = RANK[self.field]
        value = parse(w.value)
        return names.index(value) if value in names else -1

    def greatest(self, writes):
        if self.kind == STATUS:
            return max(writes, key=lambda w: (w.round, self.rank(w), w.ev.stamp))
        return max(writes, key=lambda w: w.ev.stamp)

    def differ(self, writes):
        return len({w.value for w in writes}) > 1

    def conflict(self, writes):
        """State of these as the heads of the field; they differ."""
        if self.kind != STATUS:
            return "open"
        shown = self.rank(self.greatest(writes))
        if any(self.rank(w) > shown for w in writes):
            return "open"
        if any(parse(w.value) in NO_ROLLBACK_TO for w in writes):
            return "open"
        return "auto"

    def has_ledger(self):
        return (self.kind in (REGISTER, STATUS, TEXT)
                or self.field == "present")

    def is_in(self):
        return any(h.value == "true" for h in self.heads)


class Row:
    def __init__(self, field, heads, state):
        self.field = field
        self.heads = heads   # ids, sorted
        self.state = state   # as if nobody had closed it
        self.closers = {}    # id -> did it name what it replaced

    def final(self):
        if self.closers and self.state == "open":
            return "resolved" if any(self.closers.values()) else "auto"
        return self.state


class Entity:
    def __init__(self, key):
        self.key = key
        self.cells = {}  # (field, canonical element or None) -> Cell
        self.rows = {}   # head ids -> Row, closed ones

    def cell(self, field, kind, element=None):
        return self.cells.setdefault((field, element), Cell(field, kind))

    def shown_elements(self, field):
        return [e for (f, e), c in self.cells.items() if f == field and c.is_in()]

    # -- one event

    def apply(self, ev):
        for field, kind, value, how in writes_of(ev):
            if kind == SET:
                for element, into in self.set_changes(field, value, how):
                    self.write(ev, self.cell(field, kind, element), canon(into))
                continue
            if how == "default" and (field, None) in self.cells:
                continue
            if field == "present" and ev.replaces is None and self.deleted():
                continue
            if kind == FLAG:
                value = value is True
            self.write(ev, self.cell(field, kind), canon(value))

    def deleted(self):
        c = self.cells.get(("present", None))
        return c is not None and not c.is_in()

    def set_changes(self, field, value, how):
        """[(element, in or out)] of a write to a set, each element once."""
        out = {}
        if isinstance(value, dict):
            for v in value.get("add", []):
                out.setdefault(canon(v), True)
            for v in value.get("remove", []):
                out.setdefault(canon(v), False)
        else:
            for v in value or []:
                out[canon(v)] = True
            if how != "more":
                for e in self.shown_elements(field):
                    out.setdefault(e, False)
        return list(out.items())

    # -- one write

    def write(self, ev, cell, value):
        w = Write(ev, value)
        if cell.kind == LIST:
            cell.heads.append(w)
        elif cell.kind == PER_SESSION:
            cell.heads = [h for h in cell.heads
                          if h.ev.reporter != ev.reporter] + [w]
        else:
            self.replace(ev, cell, w)
        cell.writes.append(w)

    def replace(self, ev, cell, w):
        old = None
        if ev.type == "wp_status_changed" and cell.field == "lane":
            old = canon(lane_normal(ev.payload["from_lane"]))
        w.parents = self.parents(ev, cell, old)
        for p in w.parents:
            w.seen |= {p.id} | p.seen
        if cell.kind == STATUS:
            w.round = self.round(ev, cell, w, old)
        removed = [h for h in cell.heads if h in w.parents]
        cell.heads = [h for h in cell.heads if h not in w.parents] + [w]
        if cell.has_ledger():
            self.close_rows(ev, cell, w, removed, old)

    def parents(self, ev, cell, old):
        if ev.replaces is not None:
            return [p for p in cell.writes if p.id in ev.replaces]
        if cell.field == "present":
            return [h for h in cell.heads if h.ev.node == ev.node]
        if old is None:
            return list(cell.heads)
        of_that_value = [h for h in cell.heads if h.value == old]
        if of_that_value:
            return of_that_value
        return [p for p in cell.writes if p.value == old][-1:]

    def round(self, ev, cell, w, old):
        r = max([p.round for p in w.parents], default=0)
        source = None
        if ev.replaces is None:
            source = old
        elif w.parents:
            source = cell.greatest(w.parents).value
        if source is None or ev.observation:
            return r
        before, after = parse(source), parse(w.value)
        names = RANK[cell.field]
        if before not in ROLLS_BACK_FROM or before not in names:
            return r
        if after in NO_ROLLBACK_TO:
            return r
        after_rank = names.index(after) if after in names else -1
        return r + 1 if after_rank < names.index(before) else r

    def close_rows(self, ev, cell, w, removed, old):
        tips = [p for p in w.parents
                if not any(p.id in q.seen for q in w.parents)]
        if tips and cell.differ(tips):
            self.close(cell, tips, cell.conflict(tips), w)
        if ev.replaces is None and old is None:
            others = [h for h in removed if h.value != w.value]
            if others:
                self.close(cell, others + [w], "auto", w)

    def close(self, cell, writes, state, closer):
        ids = tuple(sorted((x.id for x in writes), key=utf8))
        row = self.rows.setdefault((cell.field, ids), Row(cell.field, ids, state))
        row.closers[closer.id] = closer.ev.replaces is not None

    # -- what it comes to

    def fields(self):
        """{field: (kind, value, [head ids])}"""
        out = {}
        for field in {f for f, _ in self.cells}:
            cells = {e: c for (f, e), c in self.cells.items() if f == field}
            heads = {h.id for c in cells.values() for h in c.heads}
            kind = next(iter(cells.values())).kind
            out[field] = (kind, self.value(kind, cells),
                          sorted(heads, key=utf8))
        return out

    def value(self, kind, cells):
        if kind == SET:
            elements = sorted((e for e, c in cells.items() if c.is_in()),
                              key=utf8)
            return [parse(e) for e in elements]
        cell = cells[None]
        if kind == FLAG:
            return cell.is_in()
        if kind == LIST:
            return [parse(h.value) for h in cell.heads]
        return parse(cell.greatest(cell.heads).value)

    def ledger(self):
        """[(row id, field, heads, state, closers)], sorted."""
        rows = list(self.rows.values())
        for c in self.cells.values():
            if c.has_ledger() and c.differ(c.heads):
                ids = tuple(sorted((h.id for h in c.heads), key=utf8))
                rows.append(Row(c.field, ids, c.conflict(c.heads)))
        out = []
        for r in rows:
            name = canon([list(self.key), r.field, list(r.heads)])
            rid = hashlib.blake2b(utf8(name), digest_size=8).hexdigest()
            out.append((rid, r.field, list(r.heads), r.final(),
                        sorted(r.closers, key=utf8)))
        return sorted(out)

    def digest(self):
        fields = [[f, kind, value, heads]
                  for f, (kind, value, heads) in self.fields().items()]
        fields.sort(key=lambda x: utf8(x[0]))
        rows = [[rid, state, closers]
                for rid, _, _, state, closers in self.ledger()]
        form = canon(list(self.key) + [fields, rows])
        return hashlib.blake2b(utf8(form), digest_size=32).digest()


def fold_entities(events):
    """{key: Entity} of a set of Events; each id counts once."""
    entities = {}
    for ev in sorted({e.id: e for e in events}.values(), key=lambda e: e.stamp):
        if ev.folds:
            entities.setdefault(ev.entity, Entity(ev.entity)).apply(ev)
    return {k: e for k, e in entities.items() if e.cells}


def result(entities):
    """What `clowder debug fold` prints, as a value."""
    out = {"entities": [], "ledger": [], "digests": {},
           "fold_version": FOLD_VERSION}
    sums = {}
    for key in sorted(entities, key=lambda k: [utf8(x) for x in k]):
        en = entities[key]
        project, kind, name = key
        out["entities"].append({
            "project": project, "type": kind, "key": name,
            "fields": {f: {"value": v, "heads": h}
                       for f, (_, v, h) in en.fields().items()}})
        for rid, field, heads, state, closers in en.ledger():
            out["ledger"].append({
                "id": rid, "entity": list(key), "field": field,
                "heads": heads, "state": state, "closers": closers})
        number = int.from_bytes(en.digest(), "little")
        sums[project] = (sums.get(project, 0) + number) % (1 << 256)
    out["ledger"].sort(key=lambda row: row["id"])
    out["digests"] = {p: digest_text(s) for p, s in sums.items()}
    return out


def digest_text(number):
    """Lowest byte first, as the hash gives its bytes."""
    return number.to_bytes(32, "little").hex()


def fold(lines):
    return canon(result(fold_entities([Event(line) for line in lines])))


def main():
    source = open(sys.argv[1], newline="\n") if len(sys.argv) > 1 else sys.stdin
    with source:
        print(fold([line for line in source if line.strip()]))


if __name__ == "__main__":
    main()
