-- A line about each stack is read without its points.
DROP TABLE points;
CREATE TABLE seen (
    stack   TEXT PRIMARY KEY,
    seen_at TEXT NOT NULL,
    glance  TEXT NOT NULL, -- JSON
    points  TEXT NOT NULL  -- JSON, newest first; last, so that the others lie before it
) STRICT;
