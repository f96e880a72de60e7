//! `hosters.toml`.

use super::words::{
    Address, Edition, Endpoint, Id, Image, Machine, Natural, Port, PublicKey, Site,
};
use schemars::JsonSchema;

/// The estate's accounts at hosters.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Hosters {
    /// The edition of the format, always 1.
    pub schema: Edition,
    /// One for each account.
    pub hoster: Vec<Hoster>,
}

/// An account.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Hoster {
    /// As stacks name it.
    pub id: Id,
    /// Which descriptor has the facts: company, networks, sites, machine types.
    pub descriptor: Id,
    /// Another address of its interface than the descriptor's.
    pub endpoint: Option<Endpoint>,
    /// The secret that holds its token: secrets/<id>.age. Needed where machines are rented through an interface.
    pub token_secret: Option<Id>,
    /// The hoster's limits for this account. Without it nobody knows them, and nothing is said.
    pub quota: Option<Quota>,
    /// Machines that a person ordered, for hosters without an interface.
    pub machine: Option<Vec<Ordered>>,
}

/// The hoster's limits for an account.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Quota {
    /// Machines, of whatever type.
    pub machines: Natural,
}

/// An ordered machine, reached by SSH.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Ordered {
    /// The hoster's name for it.
    pub name: Machine,
    /// Where its SSH answers.
    pub address: Address,
    /// SSH port.
    #[schemars(extend("default" = 22))]
    pub port: Option<Port>,
    /// The machine's own public host key, as it was read on the machine itself.
    pub host_key: PublicKey,
    /// Where it stands: a site of the hoster.
    pub site: Site,
    /// What it runs.
    pub image: Image,
}
