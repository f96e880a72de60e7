//! `estate.toml`.

use super::stack::Freeze;
use super::words::{
    Algorithm, Distance, Duration, Edition, Expected, Id, Language, Optional, SocketAddress, Times,
    Zone,
};
use schemars::JsonSchema;

/// What all stacks of an estate share.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Estate {
    /// The edition of the format, always 1.
    pub schema: Edition,
    /// The estate itself.
    pub estate: Head,
    /// Where names are changed (RFC 2136 with TSIG). Without it a person does it.
    pub dns: Option<Dns>,
    /// What is demanded of every stack beyond the built-in rules. They can be tightened, never loosened.
    pub policy: Option<Policy>,
    /// How much may be rebuilt without a person (S8).
    pub brake: Option<Brake>,
    /// Until when nothing begins for any stack but what saves, reads and looks.
    pub freeze: Option<Vec<Freeze>>,
}

/// How much may be rebuilt without a person.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Brake {
    /// Rebuilds under way at the same time; 1 or 2.
    #[schemars(extend("default" = 2))]
    pub at_once: Option<Times>,
    /// Rebuilds begun within 24 hours.
    #[schemars(extend("default" = 5))]
    pub per_day: Option<Times>,
    /// Rebuilds begun within 24 hours for one stack.
    #[schemars(extend("default" = 2))]
    pub per_stack: Option<Times>,
    /// From a try that failed to the next; twice as long after each further one, up to an hour.
    #[schemars(extend("default" = "5m"))]
    pub pause: Option<Duration>,
}

/// Rules that are stricter than the built-in ones.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Policy {
    /// Least distance between production and backup; 50 km or more.
    pub distance: Option<Distance>,
    /// Must every stack name a place where a rebuild may go?
    #[schemars(extend("default" = "optional"))]
    pub fallback: Option<Optional>,
    /// Least number of escrow recipients of every secret; 1 or more.
    #[schemars(extend("default" = 1))]
    pub escrow: Option<Times>,
    /// The longest rpo that a stack may promise, and it must promise one.
    pub rpo_at_most: Option<Duration>,
    /// The longest rto that a stack may promise, and it must promise one.
    pub rto_at_most: Option<Duration>,
    /// Is a promise that nobody has measured an error?
    #[schemars(extend("default" = "expected"))]
    pub measured: Option<Expected>,
    /// Machines that must still fit into an account's quota, for a rebuild; 1 or more.
    #[schemars(extend("default" = 1))]
    pub capacity_spare: Option<Times>,
}

/// Name and language.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Head {
    /// The estate's id; machines and backups carry it, so it never changes.
    pub name: Id,
    /// For pages and messages to the operator.
    #[schemars(extend("default" = "en"))]
    pub language: Option<Language>,
}

/// The primary name server, and the key that may change the zone.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Dns {
    /// The primary's address and port.
    pub server: SocketAddress,
    /// The zone that updates name; every service's host must lie in it.
    pub zone: Zone,
    /// Name of the TSIG key, as the name server has it.
    pub key_name: Zone,
    /// How updates are signed (RFC 8945).
    pub algorithm: Algorithm,
    /// The secret that holds the TSIG key: secrets/<id>.age, base64.
    pub key_secret: Id,
    /// Time to live of the records that are written: how long the world may still see an old machine.
    pub ttl: Duration,
}
