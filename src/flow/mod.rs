//! What we do: observe, apply, back up, verify, reconcile. Decisions and world put together.
