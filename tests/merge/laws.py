"""What docs/merge.md says must hold, asked of the output of a fold.

The checks of a whole history take the events and the printed fold and return
what is wrong, or None.  They know what an event writes (oracle.writes_of) and
nothing of how the state came about.  The stories are small histories of which
the page says the end.
"""

import itertools
import json
import random

import histories
import oracle
from oracle import Number

SINGLE = (oracle.REGISTER, oracle.STATUS, oracle.TEXT)


class Seen:
    """A printed fold with its events, by entity."""

    def __init__(self, lines, out):
        self.out = json.loads(out)
        events = {e.id: e for e in map(oracle.Event, lines)}
        self.events = {i: e for i, e in events.items() if e.folds}
        self.fields = {}
        for en in self.out["entities"]:
            key = (en["project"], en["type"], en["key"])
            self.fields[key] = en["fields"]
        self.rows = {}
        for row in self.out["ledger"]:
            where = (tuple(row["entity"]), row["field"])
            self.rows.setdefault(where, []).append(row)
        self.of_field = {}  # (entity, field) -> [(event, value)], single valued
        for e in sorted(self.events.values(), key=lambda e: e.stamp):
            for field, kind, value, how in oracle.writes_of(e):
                if kind in SINGLE and not how:
                    self.of_field.setdefault((e.entity, field), []).append((e, value))

    def heads(self, entity, field):
        return self.fields[entity][field]["heads"]


def names(later, earlier):
    return (later.replaces is not None and earlier.id in later.replaces
            and later.stamp > earlier.stamp)


def no_lost_write(seen):
    """Each write is a head, or replaced by one whose author saw it or that came
    from a program that names nothing; then the ledger has it."""
    for (entity, field), writes in seen.of_field.items():
        heads = seen.heads(entity, field)
        for e, value in writes:
            if e.id in heads or any(names(w, e) for w, _ in writes):
                continue
            later = [w for w, _ in writes
                     if w.replaces is None and w.stamp > e.stamp]
            if not later:
                return "%s of %s is lost" % (e.id, field)
            if all(v == value for _, v in writes) or field == "lane":
                continue
            rows = seen.rows.get((entity, field), [])
            unlike = [v for w, v in writes if w in later and v != value]
            if len(unlike) == len(later) and not any(
                    e.id in row["heads"] for row in rows):
                return "%s of %s is in no row" % (e.id, field)
    return None


def seen_never_beside(seen):
    """A command whose author had seen a write and wrote the same field never
    stands beside it."""
    for (entity, field), writes in seen.of_field.items():
        heads = set(seen.heads(entity, field))
        for (a, _), (b, _) in itertools.permutations(writes, 2):
            if names(a, b) and a.id in heads and b.id in heads:
                return "%s saw %s and stands beside it" % (a.id, b.id)
    return None


def gone_only_if_seen(seen):
    """An entity is gone only if every edit was seen, through any chain, by a
    delete that stands."""
    for entity, fields in seen.fields.items():
        if fields["present"]["value"]:
            continue
        mine = sorted((e for e in seen.events.values() if e.entity == entity),
                      key=lambda e: e.stamp)
        known = set(fields["present"]["heads"])
        for e in reversed(mine):
            if e.id not in known:
                continue
            for p in mine:
                if names(e, p) or (e.replaces is None and p.stamp < e.stamp
                                   and p.node == e.node):
                    known.add(p.id)
        for e in mine:
            if (e.replaces is not None and oracle.writes_of(e)
                    and e.id not in known):
                return "%s is gone though nobody saw %s" % (entity, e.id)
    return None


def rows_are_whole(seen):
    """A row that is open has no closer and stands for the heads; any other has
    one, or is `auto` among heads; every field that differs has its row."""
    for (entity, field), rows in seen.rows.items():
        heads = sorted(seen.heads(entity, field))
        for row in rows:
            now = sorted(row["heads"]) == heads
            if (row["state"] == "open") > now or (now and row["closers"]):
                return "row %s: %s, closers %s" % (row["id"], row["state"],
                                                   row["closers"])
            if row["state"] == "resolved" and not row["closers"]:
                return "row %s resolved by nobody" % row["id"]
            if len(set(row["heads"])) < 2:
                return "row %s has one head" % row["id"]
    return None


OF_A_HISTORY = (no_lost_write, seen_never_beside, gone_only_if_seen, rows_are_whole)


def of_history(lines, out):
    seen = Seen(lines, out)
    for law in OF_A_HISTORY:
        wrong = law(seen)
        if wrong:
            return law.__name__ + ": " + wrong
    return None


# --------------------------------------------------- laws about several histories
# Each gives (histories, check): check(outputs) returns what is wrong or None.


def permutations(r, objects):
    """Every order of a small history gives the same line."""
    lines = [histories.spell(r, o) for o in objects[:5]]

    def check(outs):
        return None if len(set(outs)) == 1 else "orders differ"
    return [list(p) for p in itertools.permutations(lines)], check


def sum_of_entities(r, objects):
    """The digest of a project is the sum of those of its entities alone."""
    apart = {}
    for o in objects:
        e = oracle.Event(oracle.canon(o))
        if e.folds:
            apart.setdefault(e.entity, []).append(histories.spell(r, o))
    whole = [histories.spell(r, o) for o in objects]

    def check(outs):
        digests = [json.loads(o)["digests"] for o in outs]
        sums = {}
        for d in digests[1:]:
            for project, n in d.items():
                n = int.from_bytes(bytes.fromhex(n), "little")
                sums[project] = (sums.get(project, 0) + n) % (1 << 256)
        sums = {p: oracle.digest_text(n) for p, n in sums.items()}
        return None if sums == digests[0] else "digests do not add up"
    return [whole] + list(apart.values()), check


def loser_removed(r, objects):
    """Removing a losing head from a status field never changes the winner.
    Of heads that replaced nothing: another's removal brings back its parents."""
    events = [oracle.Event(oracle.canon(o)) for o in objects]
    for key, en in oracle.fold_entities(events).items():
        for cell in en.cells.values():
            if cell.kind != oracle.STATUS or len(cell.heads) < 2:
                continue
            winner = cell.greatest(cell.heads)
            losers = [h for h in cell.heads if h is not winner and not h.parents]
            if not losers or winner.value == "null":
                continue
            gone = r.choice(losers).id
            rest = [o for o, e in zip(objects, events) if e.id != gone]

            def value(out, key=key, field=cell.field):
                for x in json.loads(out)["entities"]:
                    if (x["project"], x["type"], x["key"]) == key:
                        return x["fields"][field]["value"]
                return None

            def check(outs):
                a, b = value(outs[0]), value(outs[1])
                return None if a == b else "without the loser %s: %s, not %s" % (gone, b, a)
            return [[histories.spell(r, o) for o in part]
                    for part in (objects, rest)], check
    return None


# ------------------------------------------------------------------------- stories


class Story:
    """One entity; write() adds an event and gives its id."""

    def __init__(self, r, aggregate):
        self.r = r
        self.aggregate = aggregate
        self.objects = []
        self.clock = 0

    def write(self, kind, payload, sees=(), clock=None, node=None):
        self.clock = max([self.clock if clock is None else 0] + [
            int(o["lamport_clock"]) for o in self.objects
            if o["event_id"] in (sees or ())]) + 1
        o = {"event_id": histories.make_id(self.r), "event_type": kind,
             "aggregate_id": {"todo": "%032x" % 7,
                              "work_package": "001-gate/WP01"}[self.aggregate],
             "aggregate_type": self.aggregate,
             "lamport_clock": Number(max(self.clock, clock or 0)),
             "node_id": node or self.r.choice(histories.NODES),
             "payload": payload, "timestamp": "2026-01-01T00:00:00Z"}
        if sees is not None:
            o["replaces"] = list(sees)
        self.objects.append(o)
        return o["event_id"]

    def status(self, value, sees=(), **more):
        return self.write("todo_status_changed", {"status": value}, sees, **more)

    def report(self, value, sees=(), reporter="claude-todos:s1"):
        return self.write("todo_observed", {"status": value, "reporter": reporter}, sees)

    def lane(self, before, to, sees=()):
        return self.write("wp_status_changed", {
            "wp_id": "WP01", "from_lane": before, "to_lane": to}, sees)

    def ends(self, field, want, state=None):
        """Case: the field shows `want`; with state, its present row has it."""
        def check(outs):
            out = json.loads(outs[0])
            got = out["entities"][0]["fields"][field]
            if got["value"] != want:
                return "%s is %s, not %s" % (field, got["value"], want)
            rows = [x for x in out["ledger"] if x["field"] == field
                    and x["heads"] == got["heads"]]
            if state and [x["state"] for x in rows] != [state]:
                return "row of %s: %s, not %s" % (field, rows, state)
            return None
        return [histories.arrivals(self.r, self.objects)], check


def stale_against(s, seen, values):
    """Others who saw only `seen` write late, with any clock."""
    for _ in range(s.r.randrange(4)):
        sees = [i for i in seen if s.r.random() < 0.7]
        if s.r.random() < 0.5:
            s.report(s.r.choice(values), sees, s.r.choice(histories.REPORTERS))
        else:
            s.status(s.r.choice(values), sees, clock=s.r.randrange(1, 30))


def reopen_stands(r):
    """A reopen made with knowledge of the completion stands, whatever others
    write who saw neither it nor the completion."""
    s = Story(r, "todo")
    add = s.write("todo_added", {"content": "a"})
    done = s.status("completed", [add])
    s.status("pending", [add, done])
    stale_against(s, [add], ["pending", "in_progress", "completed"])
    return s.ends("status", "pending")


def completion_stands(r):
    """A concurrent completion against a stale pending stands."""
    s = Story(r, "todo")
    add = s.write("todo_added", {"content": "a"})
    s.status("completed", [add])
    stale_against(s, [add], ["pending", "in_progress"])
    return s.ends("status", "completed")


def observation_never_rolls_back(r):
    """A session's old file undoes no completion of another's."""
    s = Story(r, "todo")
    mine = s.report("completed")
    s.report("completed", [], "claude-tasks:l1")
    s.report("pending", [mine])
    return s.ends("status", "completed", "auto")


def review_rollback(r):
    """A review that sends back against a concurrent approval is an open
    conflict, and what goes on from there stands."""
    s = Story(r, "work_package")
    made = s.write("wp_created", {"wp_id": "WP01", "title": "t",
                                  "feature_slug": "001-gate"})
    sent = s.lane("in_progress", "for_review", [made])
    s.lane("for_review", r.choice(["approved", "done"]), [sent])
    back = s.lane("for_review", r.choice(["in_progress", "planned", "claimed"]), [sent])
    want = s.objects[-1]["payload"]["to_lane"]
    if r.random() < 0.5:
        want = r.choice(["claimed", "for_review", "in_progress", "planned"])
        s.lane("in_progress", want, [back])
        if want in ("claimed", "planned", "in_progress"):
            return s.ends("lane", want, "open")
    return s.ends("lane", want, "open")


def edit_keeps(r):
    """An edit concurrent with a delete keeps the entity."""
    s = Story(r, "todo")
    add = s.write("todo_added", {"content": "a"})
    edit = s.write("todo_updated", {"content": "b"}, [add])
    gone = s.write("todo_deleted", {}, [add])
    if r.random() < 0.5:
        s.write("todo_deleted", {}, [edit, gone])
        return s.ends("present", False)
    return s.ends("present", True, "open")


def nobody_brings_back(r):
    """An event without `replaces` never brings a deleted entity back, and its
    delete spares what others edited."""
    s = Story(r, "todo")
    add = s.write("todo_added", {"content": "a"}, node="n1")
    if r.random() < 0.5:
        s.write("todo_deleted", {}, [add])
        s.write("todo_updated", {"content": "z"}, None)
        return s.ends("present", False)
    s.write("todo_deleted", {}, None, node="n2")
    return s.ends("present", True, "open")


STORIES = (reopen_stands, completion_stands, observation_never_rolls_back,
           review_rollback, edit_keeps, nobody_brings_back)


def cases(seed, objects):
    """(name, histories, check) of everything but the history itself."""
    r = random.Random(seed)
    for law in (permutations, sum_of_entities, loser_removed):
        if law is permutations and len(objects) > 5 and r.random() < 0.9:
            continue
        found = law(r, objects)
        if found:
            yield (law.__name__,) + found
    story = r.choice(STORIES)
    yield (story.__name__,) + story(r)
