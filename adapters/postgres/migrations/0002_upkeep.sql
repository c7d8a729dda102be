-- How often rollouts were forgotten. A commit demands that it did not rise
-- meanwhile: it is stored before its rollout is forgotten, or not at all.
ALTER TABLE rollmend.fleet ADD COLUMN prunings bigint NOT NULL DEFAULT 0;

-- The ids that forgotten openings had: what has them is to be erased. The
-- opening itself has a new id since, and no members.
CREATE TABLE rollmend.forgotten (
	rollout bigint PRIMARY KEY
);
