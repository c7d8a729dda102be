-- From here on a change's row may be a snapshot, which stands for all rows of
-- its record before it; an opening may have lost its members; and a row without
-- data, whose previous one is -1, is left of one that was erased while it was
-- the newest: ids are not given twice. The tables are the same. A version that does not know this
-- must not open the file, so it has a number of its own.
SELECT 1;
