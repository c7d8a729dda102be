-- Names and encoded values are blobs: they are kept byte for byte, whatever
-- they hold. What the blobs say is the business of rollmend's codec.

-- The one row of whoever may write. A process that opens the store takes the
-- next epoch; every transaction takes the next turn of its epoch, so that a
-- process that was superseded cannot store anything any more.
CREATE TABLE writer (
	only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
	epoch    INTEGER NOT NULL,
	turn     INTEGER NOT NULL,
	ordering INTEGER NOT NULL -- the fleet's ordering revision
) STRICT;
INSERT INTO writer (only_one, epoch, turn, ordering) VALUES (1, 0, 0, 1);

CREATE TABLE openings (
	id   INTEGER PRIMARY KEY,
	data BLOB NOT NULL
) STRICT;

CREATE TABLE resumptions (
	id   INTEGER PRIMARY KEY,
	data BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE clearances (
	id   INTEGER PRIMARY KEY,
	data BLOB NOT NULL
) STRICT;

-- The quarantines in force.
CREATE TABLE quarantines (
	channel BLOB NOT NULL,
	closure BLOB NOT NULL,
	data    BLOB NOT NULL,
	PRIMARY KEY (channel, closure)
) STRICT, WITHOUT ROWID;

-- A row per change, appended in the order of arrival and never updated: the
-- record after the change, and the change's effects. A record's newest row is
-- the record; the chain of its previous rows is its log.
CREATE TABLE changes (
	id       INTEGER PRIMARY KEY,
	previous INTEGER NOT NULL, -- the record's row before this one; 0: none
	data     BLOB    NOT NULL
) STRICT;
