-- Names are bytea, so that they are kept byte for byte, whatever they hold.
-- Times are Unix milliseconds and numbers are 64-bit integers, a number
-- without a sign by its bits. What an encoded value says is the business of
-- rollmend's codec. A name in a key is the name itself up to 255 bytes; a
-- longer one is its first 224 bytes and its SHA-256, since an index takes no
-- value above 2704 bytes.

-- The one row that every commit writes last, and holds until it is visible: so
-- numbers become visible in their order and without gaps.
CREATE TABLE rollmend.fleet (
	only_one boolean PRIMARY KEY CHECK (only_one),
	ordering bigint  NOT NULL, -- the fleet's ordering revision
	number   bigint  NOT NULL  -- of the newest commit
);
INSERT INTO rollmend.fleet (only_one, ordering, number) VALUES (true, 1, 0);

-- What the commits of the last minutes touched, for those who watch; and their
-- tokens, for whoever lost the answer to one.
CREATE TABLE rollmend.commits (
	number    bigint   PRIMARY KEY,
	token     bigint   NOT NULL UNIQUE,
	at        bigint   NOT NULL, -- the server's clock
	ordering  bigint   NOT NULL, -- after the commit
	fleet     boolean  NOT NULL, -- it touched more than records
	rollouts  bigint[] NOT NULL, -- of each record, and likewise
	hosts     bytea[]  NOT NULL,
	revisions bigint[] NOT NULL
);

-- An opening's id is drawn at random: after a database was restored, no other
-- opening has the id of one that a process still remembers.
CREATE TABLE rollmend.openings (
	id      bigint PRIMARY KEY,
	place   bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
	channel bytea  NOT NULL,
	ref     bytea  NOT NULL,
	data    bytea  NOT NULL,
	UNIQUE (channel, ref)
);

CREATE TABLE rollmend.resumptions (
	place  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	digest bytea  NOT NULL UNIQUE, -- SHA-256 of data
	data   bytea  NOT NULL
);

CREATE TABLE rollmend.clearances (
	place bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	data  bytea  NOT NULL
);

-- The quarantines in force.
CREATE TABLE rollmend.quarantines (
	channel bytea NOT NULL,
	closure bytea NOT NULL,
	data    bytea NOT NULL,
	PRIMARY KEY (channel, closure)
);

-- The records that something happened to. Those at revision 0 stand in their
-- opening. No foreign key: its check would lock the opening's row for every
-- record of every commit.
CREATE TABLE rollmend.records (
	rollout  bigint NOT NULL, -- the opening's id
	host     bytea  NOT NULL,
	revision bigint NOT NULL,
	data     bytea  NOT NULL,
	PRIMARY KEY (rollout, host)
) WITH (fillfactor = 80); -- room for a record's next version on its own page

-- The logs, without the entry Opened, which stands in the opening.
CREATE TABLE rollmend.log (
	rollout  bigint NOT NULL,
	host     bytea  NOT NULL,
	revision bigint NOT NULL,
	data     bytea  NOT NULL, -- the entry
	was      smallint,        -- the transition, where there was one: the states by number
	became   smallint,
	at       bigint,
	PRIMARY KEY (rollout, host, revision)
);
