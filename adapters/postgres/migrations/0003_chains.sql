-- A change has one row in the log, at the revision that it led to, with all its
-- effects. Rows from before, of an entry each, stay and are read as well.
COMMENT ON COLUMN rollmend.log.data IS 'the effects of a change; in older rows, an entry';
COMMENT ON COLUMN rollmend.log.was IS 'the state before the first transition of the change, by number';
COMMENT ON COLUMN rollmend.log.became IS 'the state after the last one';
COMMENT ON COLUMN rollmend.log.at IS 'of the last one';
