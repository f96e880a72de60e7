//! What can be ordered: images, server types, locations.
//!
//! Names, sizes and places are the hoster's; the ids of images are the lab's own,
//! and every price is the example of the published document (1.0000 net, 1.1900
//! gross), because a lab sells nothing.

use super::Api;
use super::errors::ApiError;
use super::pagination::ListQuery;
use super::state::{Labels, ServerRecord};
use crate::lab::fleet::MachineSize;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

/// A place where servers stand.
#[derive(Debug, PartialEq)]
pub struct Location {
    /// As the hoster numbers it.
    pub id: i64,
    /// `fsn1`, `nbg1`, …
    pub name: &'static str,
    description: &'static str,
    city: &'static str,
    country: &'static str,
    latitude: f64,
    longitude: f64,
    network_zone: &'static str,
}

/// All locations, in the order of their ids.
pub const LOCATIONS: [Location; 6] = [
    Location {
        id: 1,
        name: "fsn1",
        description: "Falkenstein DC Park 1",
        city: "Falkenstein",
        country: "DE",
        latitude: 50.47612,
        longitude: 12.370_071,
        network_zone: "eu-central",
    },
    Location {
        id: 2,
        name: "nbg1",
        description: "Nuremberg DC Park 1",
        city: "Nuremberg",
        country: "DE",
        latitude: 49.452_102,
        longitude: 11.076_665,
        network_zone: "eu-central",
    },
    Location {
        id: 3,
        name: "hel1",
        description: "Helsinki DC Park 1",
        city: "Helsinki",
        country: "FI",
        latitude: 60.169_855,
        longitude: 24.938_379,
        network_zone: "eu-central",
    },
    Location {
        id: 4,
        name: "ash",
        description: "Ashburn, VA",
        city: "Ashburn, VA",
        country: "US",
        latitude: 39.045_821,
        longitude: -77.487_073,
        network_zone: "us-east",
    },
    Location {
        id: 5,
        name: "hil",
        description: "Hillsboro, OR",
        city: "Hillsboro, OR",
        country: "US",
        latitude: 45.54222,
        longitude: -122.951_924,
        network_zone: "us-west",
    },
    Location {
        id: 6,
        name: "sin",
        description: "Singapore",
        city: "Singapore",
        country: "SG",
        latitude: 1.283_333,
        longitude: 103.833_333,
        network_zone: "ap-southeast",
    },
];

const EUROPE: &[&str] = &["fsn1", "nbg1", "hel1"];
const OVERSEAS: &[&str] = &["ash", "hil", "sin"];
const EVERYWHERE: &[&str] = &["fsn1", "nbg1", "hel1", "ash", "hil", "sin"];

/// A size of server.
#[derive(Debug, PartialEq)]
pub struct ServerType {
    /// Its number.
    pub id: i64,
    /// `cx23`, `cpx22`, …
    pub name: &'static str,
    category: &'static str,
    cpu_type: &'static str,
    cores: u32,
    /// GB.
    memory: u32,
    /// GB.
    pub disk: u32,
    /// Names of the locations that have it.
    pub locations: &'static [&'static str],
}

const fn shared(
    id: i64,
    name: &'static str,
    size: (u32, u32, u32),
    locations: &'static [&'static str],
) -> ServerType {
    ServerType {
        id,
        name,
        category: "Shared vCPU",
        cpu_type: "shared",
        cores: size.0,
        memory: size.1,
        disk: size.2,
        locations,
    }
}

const fn dedicated(id: i64, name: &'static str, size: (u32, u32, u32)) -> ServerType {
    ServerType {
        id,
        name,
        category: "Dedicated vCPU",
        cpu_type: "dedicated",
        cores: size.0,
        memory: size.1,
        disk: size.2,
        locations: EVERYWHERE,
    }
}

/// All server types, in the order of their ids. Sizes are (cores, GB memory, GB disk).
pub const SERVER_TYPES: [ServerType; 12] = [
    shared(22, "cpx11", (2, 2, 40), OVERSEAS),
    shared(23, "cpx21", (3, 4, 80), OVERSEAS),
    shared(24, "cpx31", (4, 8, 160), OVERSEAS),
    dedicated(96, "ccx13", (2, 8, 80)),
    dedicated(97, "ccx23", (4, 16, 160)),
    shared(108, "cpx22", (2, 4, 80), EUROPE),
    shared(109, "cpx32", (4, 8, 160), EUROPE),
    shared(110, "cpx42", (8, 16, 320), EUROPE),
    shared(114, "cx23", (2, 4, 40), EUROPE),
    shared(115, "cx33", (4, 8, 80), EUROPE),
    shared(116, "cx43", (8, 16, 160), EUROPE),
    shared(117, "cx53", (16, 32, 320), EUROPE),
];

/// A system image.
#[derive(Debug, PartialEq)]
pub struct Image {
    /// The lab's number for it.
    pub id: i64,
    /// `debian-12`, `debian-13`: also the fleet's name for it.
    pub name: &'static str,
    description: &'static str,
    version: &'static str,
    created: &'static str,
}

/// All images, in the order of their ids. `created` is Debian's release day.
pub const IMAGES: [Image; 2] = [
    Image {
        id: 1012,
        name: "debian-12",
        description: "Debian 12",
        version: "12",
        created: "2023-06-10T00:00:00Z",
    },
    Image {
        id: 1013,
        name: "debian-13",
        description: "Debian 13",
        version: "13",
        created: "2025-08-09T00:00:00Z",
    },
];

/// True when `reference`, an id or a name as clients send it, means this object.
pub fn refers(reference: &str, id: i64, name: &str) -> bool {
    reference == name || reference.parse() == Ok(id)
}

/// The location of that id or name.
pub fn location(reference: &str) -> Option<&'static Location> {
    LOCATIONS.iter().find(|l| refers(reference, l.id, l.name))
}

/// The server type of that id or name.
pub fn server_type(reference: &str) -> Option<&'static ServerType> {
    SERVER_TYPES
        .iter()
        .find(|t| refers(reference, t.id, t.name))
}

/// GB of a server's disk; `None` if its type is no longer sold.
pub fn disk(server: &ServerRecord) -> Option<u32> {
    let of_type = || server_type(&server.server_type).map(|kind| kind.disk);
    server.own_disk.or_else(of_type)
}

/// The image of that id or name.
pub fn image(reference: &str) -> Option<&'static Image> {
    IMAGES.iter().find(|i| refers(reference, i.id, i.name))
}

impl Location {
    /// As the interface shows it.
    pub fn show(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "city": self.city,
            "country": self.country,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "network_zone": self.network_zone,
        })
    }
}

impl ServerType {
    /// What a machine of this type has.
    pub fn size(&self) -> MachineSize {
        MachineSize {
            name: self.name.to_owned(),
            cores: self.cores,
            memory: self.memory,
        }
    }

    /// As the interface shows it. `available` and `recommended` are newer than the
    /// `OpenAPI` document here, but the official Python client (2.27) insists on them.
    pub fn show(&self, available: bool) -> Value {
        let price = json!({"net": "1.0000", "gross": "1.1900"});
        let here = LOCATIONS
            .iter()
            .filter(|l| self.locations.contains(&l.name));
        let locations: Vec<Value> = here
            .clone()
            .map(|l| {
                json!({
                    "id": l.id,
                    "name": l.name,
                    "deprecation": null,
                    "available": available,
                    "recommended": available,
                })
            })
            .collect();
        let prices: Vec<Value> = here
            .map(|l| {
                json!({
                    "location": l.name,
                    "included_traffic": INCLUDED_TRAFFIC,
                    "price_hourly": price,
                    "price_monthly": price,
                    "price_per_tb_traffic": price,
                })
            })
            .collect();
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.name.to_uppercase(),
            "category": self.category,
            "architecture": "x86",
            "cores": self.cores,
            "cpu_type": self.cpu_type,
            "memory": self.memory,
            "disk": self.disk,
            "storage_type": "local",
            "deprecated": false,
            "deprecation": null,
            "locations": locations,
            "prices": prices,
        })
    }
}

/// Bytes a month: the document's example of a price, 20 TiB.
pub const INCLUDED_TRAFFIC: i64 = 21_990_232_555_520;

impl Image {
    /// As the interface shows it.
    pub fn show(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "type": "system",
            "status": "available",
            "description": self.description,
            "architecture": "x86",
            "os_flavor": "debian",
            "os_version": self.version,
            "disk_size": 5,
            "image_size": null,
            "created": self.created,
            "created_from": null,
            "bound_to": null,
            "deleted": null,
            "deprecated": null,
            "labels": {},
            "protection": {"delete": false},
            "rapid_deploy": true,
        })
    }
}

impl Api {
    /// True when one more server can be had now. Not knowing is not "none".
    pub async fn has_room(&self) -> bool {
        !matches!(self.fleet.capacity(&self.config.hoster).await, Ok(0))
    }
}

/// `GET /locations`
pub async fn list_locations(query: ListQuery) -> Result<Response, ApiError> {
    let mut found: Vec<&Location> = LOCATIONS
        .iter()
        .filter(|l| query.admits("name", l.name))
        .collect();
    query.sort(
        &mut found,
        &[
            ("id", |a, b| a.id.cmp(&b.id)),
            ("name", |a, b| a.name.cmp(b.name)),
        ],
    )?;
    let page = query.page(found)?;
    let shown = page.items.iter().map(|l| l.show()).collect();
    Ok(query.answer("locations", &page.with_items(shown)))
}

/// `GET /server_types`
pub async fn list_server_types(
    State(api): State<Arc<Api>>,
    query: ListQuery,
) -> Result<Response, ApiError> {
    let available = api.has_room().await;
    let found = SERVER_TYPES
        .iter()
        .filter(|t| query.admits("name", t.name))
        .collect();
    let page = query.page(found)?;
    let shown = page.items.iter().map(|t| t.show(available)).collect();
    Ok(query.answer("server_types", &page.with_items(shown)))
}

/// `GET /images`
pub async fn list_images(query: ListQuery) -> Result<Response, ApiError> {
    let selector = query.selector()?;
    let bound = query.one("bound_to").is_some();
    let mut found: Vec<&Image> = IMAGES
        .iter()
        .filter(|i| query.admits("name", i.name) && !bound)
        .filter(|_| query.admits("type", "system") && query.admits("status", "available"))
        .filter(|_| query.admits("architecture", "x86"))
        .filter(|_| selector.matches(&Labels::new()))
        .collect();
    query.sort(
        &mut found,
        &[
            ("id", |a, b| a.id.cmp(&b.id)),
            ("name", |a, b| a.name.cmp(b.name)),
            ("created", |a, b| a.created.cmp(b.created)),
        ],
    )?;
    let page = query.page(found)?;
    let shown = page.items.iter().map(|i| i.show()).collect();
    Ok(query.answer("images", &page.with_items(shown)))
}

/// `GET /locations/{id}`
pub async fn get_location(Path(id): Path<String>) -> Result<Response, ApiError> {
    let found = LOCATIONS.iter().find(|l| id.parse() == Ok(l.id));
    let shown = found
        .map(Location::show)
        .ok_or_else(|| ApiError::not_found(format_args!("location with ID '{id}'")))?;
    Ok(axum::Json(json!({ "location": shown })).into_response())
}

/// `GET /server_types/{id}`
pub async fn get_server_type(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let available = api.has_room().await;
    let found = SERVER_TYPES.iter().find(|t| id.parse() == Ok(t.id));
    let shown = found
        .map(|t| t.show(available))
        .ok_or_else(|| ApiError::not_found(format_args!("server type with ID '{id}'")))?;
    Ok(axum::Json(json!({ "server_type": shown })).into_response())
}

/// `GET /images/{id}`
pub async fn get_image(Path(id): Path<String>) -> Result<Response, ApiError> {
    let found = IMAGES.iter().find(|i| id.parse() == Ok(i.id));
    let shown = found
        .map(Image::show)
        .ok_or_else(|| ApiError::not_found(format_args!("image with ID '{id}'")))?;
    Ok(axum::Json(json!({ "image": shown })).into_response())
}
