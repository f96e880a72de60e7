-- Who leads, and who writes: one row per claim, by the clock of this database.
CREATE TABLE leases (
    claim  TEXT PRIMARY KEY,
    token  BIGINT NOT NULL,       -- higher with each new holder, never lower
    holder TEXT NOT NULL,         -- the computer and the process
    since  TIMESTAMPTZ NOT NULL,
    until  TIMESTAMPTZ NOT NULL
);

-- A token that went back would let in what was shut out.
CREATE FUNCTION token_never_goes_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.claim <> OLD.claim OR NEW.token < OLD.token THEN
        RAISE EXCEPTION 'a fencing token never goes back';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER token_never_goes_back BEFORE UPDATE OR DELETE ON leases
FOR EACH ROW EXECUTE FUNCTION token_never_goes_back();
