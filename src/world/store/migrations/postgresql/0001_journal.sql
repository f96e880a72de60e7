-- The journal: one line per event, each sealed by the hash of all before it (S9).
CREATE TABLE journal (
    seq   BIGINT PRIMARY KEY CHECK (seq > 0),
    entry TEXT NOT NULL,  -- canonical JSON of the entry, exactly the bytes that were hashed
    hash  TEXT NOT NULL   -- hex of sha256(previous hash ‖ entry)
);

CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only';
END $$;

CREATE TRIGGER journal_is_never_changed BEFORE UPDATE OR DELETE ON journal
FOR EACH ROW EXECUTE FUNCTION journal_is_append_only();

CREATE TRIGGER journal_is_never_emptied BEFORE TRUNCATE ON journal
FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

CREATE FUNCTION journal_grows_at_its_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM journal) THEN
        RAISE EXCEPTION 'the journal grows at its end only';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER journal_grows_at_its_end BEFORE INSERT ON journal
FOR EACH ROW EXECUTE FUNCTION journal_grows_at_its_end();
