"""Random histories: replicas that write while they know only a part of what the
others wrote.  A history is a function of its seed alone."""

import random

import oracle
from oracle import Number

# Shapes of which the fold in C is known to think otherwise; run.py --unsettled.
UNSETTLED = False

# ------------------------------------------------------------------------ values

LINES = ["a", "b", "Fix the gate", "naïve “quotes”", 'say "hi" \\ / there', "🐈 two"]
TEXTS = LINES + ["", "one\ntwo\nthree\n", "tab\tand\rcr", "\x01\x1f\x7f\u2028"]
NUMBERS = [Number(n) for n in ("0", "7", "1.0", "1e2", "1E+2", "-0.50",
                               "12345678901234567890")]
COUNTS = [Number(n) for n in ("0", "1", "2", "9007199254740991")]
SCALARS = LINES + NUMBERS + [True, False, None, "null", "1.0"]
TAGS = ["x", "y", "z", "é", 'q"']
LANES = list(oracle.RANK["lane"])
LANE_SPELLINGS = LANES * 3 + ["doing", "Doing", "DONE", "For_Review"]
TODO = list(oracle.RANK["status"])
SLUGS = ["001-gate", "002-long-name"]
WP_IDS = ["WP01", "WP02-abc"]
REPORTERS = ["claude-todos:s1", "claude-tasks:l1", "file:n1:/tmp/a"]
PROJECTS = ["0b9c5c1e-8f7a-4b1d-9a51-27a6a3f4c001",
            "0B9C5C1E-8F7A-4B1D-9A51-27A6A3F4C001",
            "0b9c5c1e8f7a4b1d9a5127a6a3f4c001",
            "7d444840-9dc0-11d1-b245-5ffdce74fad2"]
NODES = ["n1", "n2", "N2", "né", "node:9", "b", "a" * 64, "n10"]
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def make_id(r):
    """The id as its author spells it."""
    if r.random() < 0.3:
        ulid = r.choice("01234567") + "".join(r.choice(BASE32) for _ in range(25))
        return ulid.lower() if r.random() < 0.3 else ulid
    u = "%032x" % r.getrandbits(128)
    if r.random() < 0.6:
        u = "-".join((u[:8], u[8:12], u[12:16], u[16:20], u[20:]))
    return u.upper() if r.random() < 0.2 else u


def respell_id(r, text):
    """The same id, perhaps in another spelling."""
    if r.random() < 0.8:
        return text
    text = text.replace("-", "") if r.random() < 0.5 else text
    return text.upper() if r.random() < 0.5 else text.lower()


def spell_string(r, s):
    out = []
    for c in s:
        o = ord(c)
        short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
        if c in short and r.random() < 0.8:
            out.append(short[c])
        elif c == "/" and r.random() < 0.3:
            out.append("\\/")
        elif o < 0x20 or c in '"\\' or r.random() < 0.05:
            units = c.encode("utf-16-be")
            out += ["\\u%02x%02X" % (units[i], units[i + 1])
                    for i in range(0, len(units), 2)]
        else:
            out.append(c)
    return '"' + "".join(out) + '"'


def spell(r, v):
    """One of the many texts of a value: members in any order, white space,
    escapes.  Numbers as they are."""
    gap = " " * (r.random() < 0.05)
    if isinstance(v, str) and not isinstance(v, Number):
        return spell_string(r, v)
    if isinstance(v, list):
        return "[" + ("," + gap).join(spell(r, x) for x in v) + gap + "]"
    if isinstance(v, dict):
        names = list(v)
        r.shuffle(names)
        return "{" + gap + ",".join(
            spell_string(r, n) + gap + ":" + spell(r, v[n]) for n in names) + "}"
    return oracle.canon(v)


def some(r, p, **makers):
    """Each optional member with probability p; null now and then."""
    out = {}
    for name, values in makers.items():
        if r.random() < p:
            gone = r.random() < 0.1 and (UNSETTLED or name not in ("lane", "status"))
            out[name] = None if gone else pick(r, values)
    return out


def pick(r, values):
    return values(r) if callable(values) else r.choice(values)


def elements(r, pool):
    return [r.choice(pool) for _ in range(r.randrange(4))]


def a_set(r, pool=None):
    pool = pool or TAGS
    if r.random() < 0.3:
        return elements(r, pool)
    return {"add": elements(r, pool), "remove": elements(r, pool)}


def any_set(r):
    return a_set(r, TAGS + NUMBERS + [True, {"b": Number("1.0"), "a": "x"}, ["x"]])


# ------------------------------------------------------------- payloads by subject
# Each gives (event type, payload).  `s` is the subject.


def project_event(r, s):
    what = r.randrange(8)
    if what == 0:
        return "project_shared", {"team": r.choice(LINES)}
    if what == 1:
        return "archived", {"value": r.random() < 0.6}
    if what == 2:
        return "agent_needed", {"topic": "router", "todos": ["t1"]}
    return r.choice(["project_created", "project_updated"]), {
        "slug": r.choice(["gate", "road"]),
        **some(r, 0.5, title=LINES, remote_url=LINES)}


def feature_event(r, s):
    what = r.randrange(10)
    slug = {"feature_slug": s.slug}
    if what == 0:
        return "feature_deleted", some(r, 0.3, reason=LINES)
    if what == 1:
        return "archived", {"value": r.random() < 0.6}
    if what == 2:
        return r.choice(["error_logged", "ErrorLogged"]), {
            "error_type": "network", "error_message": r.choice(TEXTS)}
    if what in (3, 4):
        name = r.choice(["feature_created", "FeatureCreated", "MissionCreated"])
        if name == "MissionCreated":
            slug = {"mission_slug": s.slug}
        return name, {**slug, "feature_number": "001",
                      **some(r, 0.4, title=LINES, target_branch=LINES,
                             description=TEXTS, wp_count=COUNTS, total_wps=COUNTS, created_at=["2026-01-01T00:00:00Z"])}
    return r.choice(["feature_updated", "feature_completed", "FeatureCompleted"]), {
        **slug, **some(r, 0.4, title=LINES, description=TEXTS, total_wps=COUNTS,
                       target_branch=LINES, wp_count=COUNTS, odd=SCALARS,
                       completed_at=["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"],
                       total_duration=["1 h", "2 h"])}


def wp_event(r, s):
    what = r.randrange(16)
    wp = {"wp_id": s.wp_id}
    feature = {"feature_slug": s.slug} if r.random() < 0.7 else {}
    if what == 0:
        return "wp_deleted", some(r, 0.3, reason=LINES)
    if what == 1:
        return "archived", {"value": r.random() < 0.6}
    if what == 2:
        return r.choice(["error_logged", "ErrorLogged"]), {
            "error_type": r.choice(["validation", "unknown"]),
            "error_message": r.choice(TEXTS),
            **some(r, 0.3, stack_trace=TEXTS, agent_id=["ag1"])}
    if what == 3:
        return r.choice(["history_added", "HistoryAdded"]), {
            **wp, "entry_type": r.choice(["note", "review"]),
            "entry_content": r.choice(TEXTS), **some(r, 0.3, author=LINES)}
    if what == 4:
        return r.choice(["wp_assigned", "WPAssigned"]), {
            **wp, "agent_id": r.choice(["ag1", "ag2"]),
            "phase": r.choice(["implementation", "review"]),
            **some(r, 0.3, retry_count=COUNTS)}
    if what == 5:
        return r.choice(["dependency_resolved", "DependencyResolved"]), {
            **wp, "dependency_wp_id": r.choice(["WP01", "WP03"]),
            "resolution_type": r.choice(["completed", "merged"])}
    if what in (6, 7):
        return r.choice(["wp_created", "WPCreated"]), {
            **wp, "feature_slug": s.slug, "title": r.choice(LINES),
            **some(r, 0.3, description=TEXTS, dependencies=lambda r: a_set(r, ["WP01", "WP03"]),
                   tags=a_set, priority=LINES)}
    if what in (8, 9):
        return "wp_updated", {
            **wp, **feature,
            **some(r, 0.3, title=LINES, description=TEXTS, tags=a_set,
                   dependencies=lambda r: a_set(r, ["WP01", "WP03"]), priority=LINES,
                   phase=["review"], lane=LANES, odd=SCALARS)}
    return r.choice(["wp_status_changed", "WPStatusChanged"]), {
        **wp, **feature, "from_lane": r.choice(LANE_SPELLINGS),
        "to_lane": r.choice(LANE_SPELLINGS),
        **some(r, 0.2, actor=LINES, reason=LINES)}


def todo_event(r, s):
    what = r.randrange(12)
    fields = dict(status=TODO, active_form=LINES, priority=LINES,
                  description=TEXTS, owner=LINES, local_id=["1", "2"],
                  list=["l1", "l2"], blocks=a_set, blocked_by=a_set)
    if what == 0:
        return "todo_deleted", some(r, 0.3, reason=LINES)
    if what in (1, 2):
        return "todo_added", {"content": r.choice(LINES), **some(r, 0.2, **fields)}
    if what in (3, 4):
        return "todo_updated", {"content": r.choice(LINES), **some(r, 0.3, **fields)}
    if what in (5, 6, 7):
        more = some(r, 0.1, **fields)  # writes none of these
        return "todo_status_changed", {**more, "status": r.choice(TODO)}
    out = {"reporter": r.choice(REPORTERS), **some(r, 0.25, **fields)}
    if r.random() < 0.6:
        out["status"] = r.choice(TODO)
    if r.random() < 0.2:
        out["content"] = r.choice(LINES)
    return "todo_observed", out


def item_event(r, s):
    what = r.randrange(10)
    if what == 0:
        return "work_item_deleted", {"id": s.key}
    if what in (1, 2):
        return "work_item_progress", {
            "work_id": s.key, "update_type": "step",
            **some(r, 0.3, tasks_completed=lambda r: elements(r, LINES),
                   progress_delta=NUMBERS)}
    out = {"id": s.key, **some(r, 0.3, type=["plan", "update"], title=LINES,
                               summary=TEXTS, schedule=["now", "next"], body=TEXTS,
                               technical_tags=any_set, artifact_refs=any_set,
                               session_number=NUMBERS, created_at=["2026-01-01"],
                               odd=SCALARS)}
    if r.random() < 0.5:
        out["metadata"] = some(r, 0.4, status=LINES, priority=SCALARS,
                               dependencies=any_set, empty=[{}],
                               many=[["x", {"a": Number("1.0")}], []],
                               deep=lambda r: {"er": some(r, 0.8, x=SCALARS, y=SCALARS)})
    if r.random() < 0.1:
        out["git_context"] = r.choice([None, {}, {"branch": "main"}, "gone"])
    if UNSETTLED and r.random() < 0.05:
        out["metadata.status"] = "dotted"
    return "work_item_changed", out


def session_event(r, s):
    out = {"session_id": "s1", **some(r, 0.3, agent=["claude"], cwd=LINES,
                                      git_branch=LINES, worktree=LINES,
                                      pid=COUNTS, host=LINES, device=LINES,
                                      source=LINES, reason=LINES)}
    if r.random() < 0.05:
        out["state"] = "odd"
    if r.random() < 0.1:
        out["os"] = r.choice([{}, None, {"name": "x", "of": {"a": Number("1.0")}}])
    return r.choice(["session_started", "session_heartbeat", "session_ended"]), out


BACK = {
    "project": dict(title=LINES, slug=LINES, team=LINES, archived=[True, False]),
    "feature": dict(title=LINES, description=TEXTS, archived=[True, False]),
    "work_package": dict(title=LINES, description=TEXTS, lane=LANES, tags=a_set,
                         assignee=["ag1", "ag2"], priority=LINES, phase=["review"],
                         resolved=lambda r: a_set(r, ["WP01", "WP03"])),
    "todo": dict(content=LINES, priority=LINES, status=TODO, description=TEXTS,
                 blocks=a_set),
    "work_item": {"title": LINES, "body": TEXTS, "technical_tags": any_set,
                  "metadata.status": LINES, "metadata.dependencies": any_set},
    "session": dict(state=["started", "ended"], cwd=LINES),
}


def settling_event(r, s):
    """conflict_resolved or reverted."""
    back = dict(BACK[s.aggregate])
    if r.random() < 0.5:
        if r.random() < 0.3:
            back = {"present": [True, False]}
        field = r.choice(sorted(back))
        return "conflict_resolved", {"conflict_id": "%016x" % r.getrandbits(64),
                                     "field": field, "value": pick(r, back[field])}
    out = some(r, 0.5, **back)
    if r.random() < 0.3:
        out["present"] = r.random() < 0.5
    return "reverted", {"reverts": [make_id(r)], **out}


MAKERS = {"project": project_event, "feature": feature_event,
          "work_package": wp_event, "todo": todo_event, "work_item": item_event,
          "session": session_event}


class Subject:
    """What events are about: an aggregate, and what its events say of it."""

    def __init__(self, r, aggregate, project):
        self.aggregate = aggregate
        self.project = project
        self.slug = r.choice(SLUGS)
        self.wp_id = r.choice(WP_IDS)
        self.key = {"project": PROJECTS[0], "feature": self.slug,
                    "work_package": self.slug + "/" + self.wp_id,
                    "todo": "%032x" % r.randrange(2),
                    "work_item": r.choice(["PLAN-1", "now/a b.md"]),
                    "session": "claude:s1"}[aggregate]
        # The one status field, if any, is what most rules are about.
        self.lively = aggregate in ("work_package", "todo")


# ------------------------------------------------------------------------ replicas


class Replica:
    def __init__(self, r, node):
        self.node = node
        self.clock = 0
        self.known = {}     # id -> Event
        self.folded = {}    # entity key -> Entity, of what is known now
        self.names_nothing = r.random() < 0.15
        self.careful = r.random() < 0.5

    def take(self, ev):
        if ev.id not in self.known:
            self.known[ev.id] = ev
            self.clock = max(self.clock, ev.clock) + 1
            self.folded.clear()

    def entity(self, key):
        if key not in self.folded:
            mine = [e for e in self.known.values() if e.folds and e.entity == key]
            self.folded[key] = oracle.fold_entities(mine).get(key)
        return self.folded[key]


class World:
    def __init__(self, seed):
        self.r = r = random.Random(seed)
        self.size = self.pick_size()
        self.ids = [make_id(r) for _ in range(self.size)]
        nodes = r.sample(NODES, r.randint(2, 8))
        if r.random() < 0.2:
            nodes[-1] = nodes[0]  # a cloned machine
        self.replicas = [Replica(r, n) for n in nodes]
        self.subjects = self.pick_subjects()
        self.closed = r.random() < 0.5
        self.p_receive = r.choice([0.1, 0.4, 0.8])
        self.p_noise = r.choice([0, 0.1, 0.4])
        self.p_nothing_named = r.choice([0, 0, 0.1, 0.5])
        self.loose_clocks = r.random() < 0.25
        self.events = {}  # id -> Event
        self.objects = []

    def pick_size(self):
        low, high = self.r.choice([(1, 5), (2, 12), (2, 12), (5, 25), (5, 25),
                                   (20, 60), (20, 60), (60, 200)])
        return self.r.randint(low, high)

    def pick_subjects(self):
        r = self.r
        kinds = list(MAKERS) + ["work_package", "todo"] * 3
        projects = r.choice([[None], PROJECTS[:1], PROJECTS])
        return [Subject(r, r.choice(kinds), r.choice(projects))
                for _ in range(r.choice([1, 1, 1, 2, 4]))]

    def make(self):
        for n in range(self.size):
            replica = self.r.choice(self.replicas)
            while self.events and self.r.random() < self.p_receive:
                self.deliver(replica, self.r.choice(list(self.events.values())))
            self.author(n, replica)
        return self.objects

    def deliver(self, replica, ev):
        todo = [ev]
        while todo:
            ev = todo.pop()
            if ev.id in replica.known:
                continue
            replica.take(ev)
            if self.closed:
                todo += [self.events[i] for i in sorted(ev.replaces or ())
                         if i in self.events]

    def author(self, n, replica):
        r = self.r
        o = self.envelope(n, replica, r.choice(self.subjects))
        o["replaces"] = []
        draft = oracle.Event(oracle.canon(o))
        names = self.names(draft, replica)
        if names is None:
            del o["replaces"]
        else:
            o["replaces"] = [respell_id(r, i) for i in names]
        ev = oracle.Event(oracle.canon(o))
        self.objects.append(o)
        self.events[ev.id] = ev
        replica.take(ev)

    def envelope(self, n, replica, s):
        r = self.r
        replica.clock += 1
        clock = r.randrange(12) if self.loose_clocks else replica.clock
        maker = settling_event if r.random() < 0.12 else MAKERS[s.aggregate]
        kind, payload = maker(r, s)
        o = {"event_id": self.ids[n], "event_type": kind, "aggregate_id": s.key,
             "aggregate_type": s.aggregate, "lamport_clock": Number(clock),
             "node_id": replica.node, "payload": payload,
             "timestamp": "2026-01-01T00:00:%02d%s" % (r.randrange(60), r.choice(["Z", "+02:00"]))}
        if s.project is not None or r.random() < 0.1:
            o["project_uuid"] = s.project
        self.foreign(o, s)
        self.unfolded(o)
        return o

    def foreign(self, o, s):
        """As Spec Kitty spells it."""
        r = self.r
        if s.aggregate == "work_package" and r.random() < 0.3:
            o["aggregate_type"] = "WorkPackage"
            if r.random() < 0.6:
                o["aggregate_id"] = s.wp_id
                o["git_branch"] = r.choice([s.slug, s.slug, "main", None])
        if s.aggregate == "feature" and r.random() < 0.3:
            o["aggregate_type"] = "Feature"
        for name in ("session_id", "causation_id", "x_more"):
            if r.random() < 0.03:
                o[name] = None
        if r.random() < 0.1:
            o["schema_version"] = r.choice([Number("1"), Number("0"), "3.0.0", None])

    def unfolded(self, o):
        """Now and then one that is kept and not folded."""
        r = self.r
        if r.random() < 0.01:
            o["draft"] = "later"
        if r.random() < 0.01:
            o["key_id"] = "k1"
        if r.random() < 0.01:
            o["schema_version"] = Number("2")
        if r.random() < 0.01:
            o["event_type"] = "moon_phase_changed"
        if r.random() < 0.01:
            o["event_type"] = "MissionDossierSnapshotComputed"
            o["aggregate_type"] = "MissionDossier"

    # What an author names.

    def names(self, ev, replica):
        r = self.r
        nothing = 0.9 if replica.names_nothing else self.p_nothing_named
        if r.random() < nothing:
            return None
        entity = replica.entity(ev.entity) if ev.folds else None
        out = self.seen_heads(ev, entity) if entity else []
        if ev.observation and r.random() < 0.7:
            out = [i for i in out if self.is_own_report(ev, i) or r.random() < 0.2]
        if r.random() < self.p_noise:
            out = [i for i in out if r.random() < 0.7]
        if entity and r.random() < self.p_noise:
            older = [w.id for c in entity.cells.values() for w in c.writes]
            out += r.sample(sorted(set(older)), min(len(set(older)), r.randint(1, 3)))
        if r.random() < self.p_noise / 2:
            out += [make_id(r)]
        if r.random() < self.p_noise:
            out += r.sample(self.ids, min(len(self.ids), r.randint(1, 3)))
        r.shuffle(out)
        return out

    def is_own_report(self, ev, i):
        old = self.events[i]
        return old.observation and old.reporter == ev.reporter

    def seen_heads(self, ev, entity):
        out = set()
        for field, kind, value, how in oracle.writes_of(ev):
            if kind == oracle.SET:
                changed = [e for e, _ in entity.set_changes(field, value, how)]
            else:
                changed = [None]
            for element in changed:
                cell = entity.cells.get((field, element))
                out |= {h.id for h in cell.heads} if cell else set()
        return sorted(out)


def history(seed):
    """The events of a history, as objects, in the order they were made."""
    return World(seed).make()


def arrivals(r, objects):
    """Texts of these events as they might arrive: in any order, some twice."""
    twice = [o for o in objects if r.random() < 0.1]
    lines = [spell(r, o) for o in objects + twice]
    r.shuffle(lines)
    return lines
