-- hub.db: accounts, teams, sign-ins of one hub.  Times are ms since 1970.
-- *_key: the name in the form in which two are the same (accounts_name.c).

CREATE TABLE hub (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	id  TEXT NOT NULL -- issuer of the access tokens
) STRICT;

-- Keys of access tokens.  The newest signs, all verify.
CREATE TABLE jwt_key (
	id         INTEGER PRIMARY KEY, -- the kid
	secret     BLOB NOT NULL CHECK (length(secret) = 32),
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE team (
	id         TEXT PRIMARY KEY,
	slug       TEXT NOT NULL UNIQUE,
	name       TEXT NOT NULL,
	private    INTEGER NOT NULL CHECK (private IN (0, 1)),
	created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user (
	id           TEXT PRIMARY KEY,
	name         TEXT NOT NULL,
	name_key     TEXT NOT NULL UNIQUE,
	email        TEXT,
	email_key    TEXT UNIQUE,
	password     TEXT NOT NULL, -- argon2id
	default_team TEXT NOT NULL REFERENCES team (id),
	disabled     INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
	created_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
	user TEXT NOT NULL REFERENCES user (id),
	team TEXT NOT NULL REFERENCES team (id),
	role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
	PRIMARY KEY (user, team)
) STRICT, WITHOUT ROWID;

-- One row for each sign-in; its id is the session id.
CREATE TABLE family (
	id         TEXT PRIMARY KEY,
	user       TEXT NOT NULL REFERENCES user (id),
	flow       TEXT NOT NULL,
	state      INTEGER NOT NULL, -- enum family_state
	generation INTEGER NOT NULL, -- of the current refresh token
	started_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX family_user ON family (user);

-- Refresh tokens, current and spent, as hashes.  Spent ones are forgotten when
-- they would have expired.
CREATE TABLE token (
	hash       BLOB PRIMARY KEY,
	family     TEXT NOT NULL REFERENCES family (id) ON DELETE CASCADE,
	generation INTEGER NOT NULL,
	spent_ms   INTEGER NOT NULL, -- 0 while it is current
	sealed     BLOB              -- the successor, while that is current
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX token_family ON token (family, generation);
