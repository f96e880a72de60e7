//! What we talk about: plain data. Imports nothing of ours.
