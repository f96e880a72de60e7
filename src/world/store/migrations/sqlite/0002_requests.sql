-- What operators ask for while another Holdfast writes to the journal.
CREATE TABLE requests (
    name  TEXT PRIMARY KEY,  -- its time first, so that a pause and its end stay in their order
    entry TEXT NOT NULL      -- JSON of the entry that the journal should hear
);
