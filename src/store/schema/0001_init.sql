-- The replica on disk.  docs/formats.md, The home folder.
--
-- Small integers stand for nodes and users (name).  A row of the log is numbered
-- space << 40 | pos, so that a space's log lies together and in order.  There is
-- no index over entity and clock: an entity's row lists the positions of its
-- events, and a late event reads those.

-- One row: the replica itself.
CREATE TABLE meta (
	one      INTEGER PRIMARY KEY CHECK (one = 1),
	node     TEXT NOT NULL,    -- 32 hex digits
	node_seq INTEGER NOT NULL, -- of the last event of this node
	version  INTEGER NOT NULL, -- commits
	fold     INTEGER NOT NULL, -- fold_version of the stored state
	projects INTEGER NOT NULL, -- last numbers given to rows
	entities INTEGER NOT NULL
) STRICT;

CREATE TABLE space (
	id         INTEGER PRIMARY KEY,
	hub        TEXT NOT NULL,
	account    TEXT NOT NULL,
	team       TEXT NOT NULL,
	epoch      TEXT NOT NULL,
	epoch_no   INTEGER NOT NULL, -- counts the hub's epochs
	pulled     INTEGER NOT NULL,
	head       INTEGER NOT NULL,
	clock      INTEGER NOT NULL,
	events     INTEGER NOT NULL, -- also the last position
	unacked    INTEGER NOT NULL,
	refused    INTEGER NOT NULL,
	contact_ms INTEGER NOT NULL,
	digest     BLOB NOT NULL,    -- sum over its projects
	UNIQUE (hub, account, team)
) STRICT;

CREATE TABLE name (
	id   INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE event (
	at          INTEGER PRIMARY KEY, -- space << 40 | pos
	id          BLOB NOT NULL,       -- 16 bytes
	tag         INTEGER NOT NULL,    -- space << 1 | 1 for a ULID
	clock       INTEGER NOT NULL,
	node        INTEGER NOT NULL,    -- name.id
	flags       INTEGER NOT NULL,
	seq         INTEGER NOT NULL,    -- the hub's; 0 = never acknowledged
	epoch_no    INTEGER NOT NULL,    -- in which seq counts
	user        INTEGER NOT NULL,    -- name.id; 0 = unknown
	received_ms INTEGER NOT NULL,
	sum         INTEGER NOT NULL,    -- check sum of raw
	raw         BLOB NOT NULL,       -- byte for byte as it came
	UNIQUE (id, tag)
) STRICT;

-- What waits for the hub, by stamp.  Empty in a hub.
CREATE TABLE unacked (
	space INTEGER NOT NULL,
	clock INTEGER NOT NULL,
	node  BLOB NOT NULL, -- the texts, because stamps compare them by bytes
	id    BLOB NOT NULL,
	pos   INTEGER NOT NULL,
	PRIMARY KEY (space, clock, node, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE refused (
	at   INTEGER PRIMARY KEY, -- event.at
	code TEXT NOT NULL,
	why  TEXT NOT NULL
) STRICT;

CREATE TABLE project (
	id       INTEGER PRIMARY KEY,
	space    INTEGER NOT NULL,
	uuid     TEXT NOT NULL,
	entities INTEGER NOT NULL, -- that have state
	digest   BLOB NOT NULL,    -- sum over its entities
	UNIQUE (space, uuid)
) STRICT;

CREATE TABLE entity (
	id      INTEGER PRIMARY KEY,
	project INTEGER NOT NULL,
	type    TEXT NOT NULL,
	key     TEXT NOT NULL,
	counts  INTEGER NOT NULL, -- has state: is in the project's digest
	digest  BLOB NOT NULL,
	runs    INTEGER NOT NULL, -- rows in run
	tail    BLOB NOT NULL,    -- positions behind those
	state   BLOB NOT NULL,
	UNIQUE (project, type, key)
) STRICT;

-- Whole runs of an entity's positions.
CREATE TABLE run (
	entity INTEGER NOT NULL,
	n      INTEGER NOT NULL,
	list   BLOB NOT NULL,
	PRIMARY KEY (entity, n)
) STRICT, WITHOUT ROWID;

-- Which numbers of which nodes were seen, as runs lo..hi.  Hub only.
CREATE TABLE seen (
	node INTEGER NOT NULL, -- name.id
	lo   INTEGER NOT NULL,
	hi   INTEGER NOT NULL,
	PRIMARY KEY (node, lo)
) STRICT, WITHOUT ROWID;

-- Small values that never leave the machine.
CREATE TABLE note (
	name  TEXT PRIMARY KEY NOT NULL,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
