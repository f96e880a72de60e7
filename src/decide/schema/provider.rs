//! `providers/<id>.toml`, in Holdfast itself.

use super::words::{
    Country, Edition, Endpoint, Id, Interface, Latitude, Line, Longitude, Natural, Site, Size,
};
use schemars::JsonSchema;

/// Facts about a hoster that independence and prices are computed from.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Provider {
    /// The edition of the format, always 1.
    pub schema: Edition,
    /// The company.
    pub hoster: Company,
    /// Locations; the first is the usual one.
    #[schemars(length(min = 1))]
    pub site: Vec<Location>,
    /// Machines that can be rented, cheapest first.
    pub machine_type: Option<Vec<MachineType>>,
}

/// The company and how it is spoken to.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Company {
    /// The file's name.
    pub id: Id,
    /// Trading name.
    pub name: Line,
    /// The family of its interface; pool: ordered machines reached by SSH.
    pub interface: Interface,
    /// The contracting company.
    pub legal_entity: Line,
    /// The group it belongs to; the company itself where there is none.
    pub parent: Line,
    /// Autonomous systems that its machines live in.
    pub autonomous_systems: Vec<Natural>,
    /// Default address of the interface.
    pub endpoint: Option<Endpoint>,
}

/// A location.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Location {
    /// As the hoster names it.
    pub id: Site,
    /// For people.
    pub city: Line,
    /// ISO 3166 code.
    pub country: Country,
    /// Degrees, north positive.
    pub latitude: Latitude,
    /// Degrees, east positive.
    pub longitude: Longitude,
}

/// A machine that can be rented.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct MachineType {
    /// The hoster's name for it.
    pub name: Id,
    /// Virtual processors.
    pub cpus: Natural,
    /// Memory.
    pub memory: Size,
    /// Disk.
    pub disk: Size,
    /// Cents of a euro per month, net, if published.
    pub monthly_cents: Option<Natural>,
}
