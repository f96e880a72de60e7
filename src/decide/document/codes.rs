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
/// A stack's own file that leads out of the commit or is too large; verification has the same code.
pub const REFUSED_FILE: &str = "HF0233";
