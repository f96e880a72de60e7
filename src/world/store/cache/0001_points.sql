-- What the last look saw. It may be deleted at any time: the next look writes it again.
CREATE TABLE points (
    stack   TEXT PRIMARY KEY,
    seen_at TEXT NOT NULL,
    chosen  TEXT,
    points  TEXT NOT NULL  -- JSON, newest first
) STRICT;
