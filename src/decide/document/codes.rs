//! Stable codes of findings; a script may rely on them.

/// Not UTF-8.
pub const NOT_TEXT: &str = "HF0001";
/// Not TOML.
pub const SYNTAX: &str = "HF0002";
/// A key that nobody reads: in signed intent a misspelled key is dangerous.
pub const UNKNOWN_KEY: &str = "HF0003";
/// A key that must be there.
pub const MISSING_KEY: &str = "HF0004";
/// A text where a number is needed, and the like.
pub const WRONG_TYPE: &str = "HF0005";
/// A `schema` that this version does not read.
pub const SCHEMA: &str = "HF0006";
/// An amount without unit, or no amount at all.
pub const UNIT: &str = "HF0007";
/// Characters or a form that a name, path, address or mode may not have.
pub const MALFORMED: &str = "HF0008";
/// The file name and the id in it differ.
pub const FILE_NAME: &str = "HF0009";
/// A name that nothing has: hoster, site, blueprint, setting, descriptor.
pub const UNKNOWN_NAME: &str = "HF0010";
/// A file that must be there.
pub const MISSING_FILE: &str = "HF0011";
/// A file that nobody reads.
pub const STRAY_FILE: &str = "HF0012";
/// The same id, host, name or address twice.
pub const DUPLICATE: &str = "HF0013";
/// Production and backup depend on the same thing (S14).
pub const NOT_INDEPENDENT: &str = "HF0014";
/// Parts that do not fit: an image the blueprint does not know, no machine type large enough.
pub const UNFIT: &str = "HF0015";
/// A secret that is missing or that only one identity can read.
pub const SECRET: &str = "HF0016";
/// A secret in plain text; the view masks its line (S13).
pub const PLAIN_SECRET: &str = "HF0017";
/// A template that cannot be rendered.
pub const TEMPLATE: &str = "HF0018";
/// A signing key that may not be used.
pub const KEY: &str = "HF0019";
/// A policy of the estate that would loosen a built-in rule.
pub const LOOSER: &str = "HF0030";
/// A stack without a place for a rebuild, where the estate demands one.
pub const NO_FALLBACK: &str = "HF0031";
/// A promise that the backup schedule cannot keep.
pub const PROMISE: &str = "HF0032";
/// A promise that what was measured does not bear out.
pub const MISSED: &str = "HF0033";
/// Promises that nobody has measured.
pub const UNMEASURED: &str = "HF0034";
/// A promise that is missing, or weaker than the estate demands.
pub const WEAK_PROMISE: &str = "HF0035";
/// Recipients of secrets that do not outlive the reconciler.
pub const RECIPIENTS: &str = "HF0036";
/// More machines than an account may have.
pub const QUOTA: &str = "HF0037";
/// A stack that is gone without having been retired, or too early.
pub const GONE: &str = "HF0038";
/// A stack under another id, without `moved_from`.
pub const RENAMED: &str = "HF0039";
/// A `moved_from` that cannot be meant.
pub const MOVED_FROM: &str = "HF0040";
/// State of a blueprint that nothing saves, restores or checks.
pub const COVERAGE: &str = "HF0041";
/// A host name that another stack already has.
pub const NAME_TAKEN: &str = "HF0042";
