-- The journal: one line per event, each sealed by the hash of all before it (S9).
CREATE TABLE journal (
    seq   INTEGER PRIMARY KEY CHECK (seq > 0),
    entry TEXT NOT NULL,  -- canonical JSON of the entry, exactly the bytes that were hashed
    hash  TEXT NOT NULL   -- hex of sha256(previous hash ‖ entry)
) STRICT;

CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;

CREATE TRIGGER journal_is_never_shortened BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;

CREATE TRIGGER journal_grows_at_its_end BEFORE INSERT ON journal
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM journal)
BEGIN
    SELECT RAISE(ABORT, 'the journal grows at its end only');
END;
