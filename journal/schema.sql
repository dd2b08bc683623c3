-- The journal's schema: one section a version, applied in order and never edited once released
-- (the checksum of every applied section is kept, and compared at each start). A change is a new
-- section at the end.

-- migration 1
PRAGMA application_id = 0x4d414e54; -- "MANT": tells our files from any other SQLite database

CREATE TABLE migration (
    version INTEGER PRIMARY KEY,
    sha256  BLOB NOT NULL
) STRICT;

-- `hash` is sha256(hash of the record before || this record's other columns), see record.py.
CREATE TABLE record (
    seq            INTEGER PRIMARY KEY, -- 1, 2, 3 ... without holes
    ts_ns          INTEGER NOT NULL,
    direction      TEXT NOT NULL CHECK (direction IN ('in', 'out', 'note')),
    actor          TEXT NOT NULL,
    incarnation    INTEGER NOT NULL,
    peer           TEXT NOT NULL,
    session        INTEGER NOT NULL,
    peer_seq       INTEGER NOT NULL,
    kind           TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    payload        BLOB NOT NULL,
    fence          INTEGER NOT NULL,
    hash           BLOB NOT NULL
) STRICT;

-- The last record and the lease, in one row: an append moves it, and is refused if the fence did.
CREATE TABLE head (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    seq         INTEGER NOT NULL,
    hash        BLOB NOT NULL,
    fence       INTEGER NOT NULL,
    lease       TEXT NOT NULL,
    owner       TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    taken_ns    INTEGER NOT NULL,
    seal        BLOB NOT NULL -- sha256 of the other columns
) STRICT;

-- Against accidents in a database shell; the hash chain is what holds against the rest.
CREATE TRIGGER record_is_not_updated BEFORE UPDATE ON record
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER record_is_not_deleted BEFORE DELETE ON record
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER head_is_not_deleted BEFORE DELETE ON head
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- migration 2
-- Snapshots are notes, few among many: recovery finds them without reading the rest.
CREATE INDEX record_note ON record (seq) WHERE direction = 'note';
