//! Bringing a lab up. Each step makes only what is missing, so that a second `up`
//! finishes what the first did not.

use super::files::make_private_dir;
use super::image::{self, BuildProgress};
use super::mirror::Mirrors;
use super::names::LabName;
use super::state::{LabRecord, Lock, known_hosters};
use super::{
    Lab, LabError, LabStatus, command::failed, dns, fleet::FleetError, network, pool, preflight,
    seed, serve, status,
};
use base64::Engine as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

/// What a lab shall be. Settings left at `None` are the default, or those it already has.
#[derive(Debug, Clone, Default)]
pub struct LabConfig {
    /// The `holdfast` program, which runs the daemon (`holdfast lab serve`).
    pub program: PathBuf,
    /// Hosters by name; default: all.
    pub hosters: Option<Vec<String>>,
    /// Machines in each pool; default: 2.
    pub pool_size: Option<usize>,
    /// The name server's zone; default: `example.`.
    pub zone: Option<String>,
    /// Where images get their packages; default: where this computer gets its own.
    pub mirror: Option<String>,
    /// Public keys that may log in to pool machines as root.
    pub authorized_keys: Vec<String>,
    /// Images to build now; the pools' image always is.
    pub images: Vec<String>,
}

/// What `up` has to tell while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A step begins.
    Step(String),
    /// An image is being built.
    Image(BuildProgress),
    /// An image is complete.
    ImageReady(String),
    /// A machine answers on SSH, this long after its start.
    MachineReady(String, Duration),
}

/// Brings the lab up.
pub(super) fn up(
    lab: &Lab,
    config: &LabConfig,
    tell: &(dyn Fn(Progress) + Send + Sync),
) -> Result<LabStatus, LabError> {
    let missing = preflight::check();
    if !missing.is_empty() {
        return Err(LabError::Preflight(missing));
    }
    // Two `up` of one lab at once: the second waits and finds everything there.
    let _one_at_a_time = Lock::take(&lab.up_lock())?;
    let (record, cold) = lay_out(lab, config, tell)?;
    pool::authorize(&lab.place, &lab.machines(), &config.authorized_keys)?;
    tell(Progress::Step("name server".to_owned()));
    dns::start(&lab.place, &record)?;
    build_images(lab, config, &record, tell)?;
    if record
        .hosters
        .iter()
        .any(|hoster| hoster.kind == super::state::Kind::Api)
    {
        tell(Progress::Step("hoster interfaces".to_owned()));
        serve::start(lab, &record, &config.program)?;
    }
    tell(Progress::Step("pool machines".to_owned()));
    let record = lab.place.expect_record()?;
    pool::fill(&lab.place, &lab.machines(), &record, cold, &|name, took| {
        tell(Progress::MachineReady(name, took));
    })?;
    status::look(lab)
}

/// The record and the network. Also says whether the network had to be made, which
/// means that no machine of this lab was running.
fn lay_out(
    lab: &Lab,
    config: &LabConfig,
    tell: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(LabRecord, bool), LabError> {
    let _computer = network::lock_computer()?;
    let record = if let Some(record) = lab.place.record()? {
        agree(record, config)?
    } else {
        let remains = network::left_behind(lab.name());
        if !remains.is_empty() {
            return Err(LabError::Remains {
                name: lab.name().to_string(),
                remains: remains.join(", "),
            });
        }
        let record = new_record(lab.name(), config)?;
        make_private_dir(&lab.place.dir)?;
        lab.place.keep(&record)?;
        record
    };
    let cold = network::left_behind(lab.name()).is_empty();
    tell(Progress::Step(format!(
        "network 10.{}.0.0/16",
        record.network
    )));
    network::make(&record)?;
    Ok((record, cold))
}

fn build_images(
    lab: &Lab,
    config: &LabConfig,
    record: &LabRecord,
    tell: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), LabError> {
    let mut wanted = config.images.clone();
    if !wanted.iter().any(|image| image == pool::IMAGE) {
        wanted.push(pool::IMAGE.to_owned());
    }
    for image in wanted {
        // Tells a wrong name before anything is built.
        let recipe = image::Recipe::of(&image, &record.mirrors)?;
        if recipe.path(&lab.cache).exists() {
            continue;
        }
        tell(Progress::Step(format!("image {image}")));
        lab.machines()
            .image(&image, &|progress| tell(Progress::Image(progress)))?;
        tell(Progress::ImageReady(image));
    }
    Ok(())
}

/// The record of a lab that is there, if it is what was asked for.
fn agree(record: LabRecord, config: &LabConfig) -> Result<LabRecord, LabError> {
    let differs = |setting| LabError::Differs {
        name: record.name.to_string(),
        setting,
    };
    if let Some(names) = &config.hosters {
        let there: Vec<_> = record
            .hosters
            .iter()
            .map(|hoster| hoster.name.as_str())
            .collect();
        if !(names.iter().all(|name| there.contains(&name.as_str())) && names.len() == there.len())
        {
            return Err(differs("choice of hosters"));
        }
    }
    if config
        .pool_size
        .is_some_and(|size| size != record.pool_size)
    {
        return Err(differs("pool size"));
    }
    if config
        .zone
        .as_ref()
        .is_some_and(|zone| absolute(zone) != record.zone)
    {
        return Err(differs("zone"));
    }
    if config
        .mirror
        .as_ref()
        .is_some_and(|mirror| mirror.trim_end_matches('/') != record.mirrors.main)
    {
        return Err(differs("mirror"));
    }
    Ok(record)
}

fn new_record(name: &LabName, config: &LabConfig) -> Result<LabRecord, LabError> {
    let known = known_hosters();
    let mut hosters = Vec::new();
    for wanted in config.hosters.iter().flatten() {
        let hoster = known.iter().find(|hoster| hoster.name == *wanted);
        hosters.push(hoster.cloned().ok_or_else(|| {
            LabError::UnknownHoster {
                hoster: wanted.clone(),
                known: known
                    .iter()
                    .map(|hoster| hoster.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            }
        })?);
    }
    if config.hosters.is_none() {
        hosters = known.to_vec();
    }
    hosters.sort_by_key(|hoster| hoster.index);
    hosters.dedup();
    Ok(LabRecord {
        name: name.clone(),
        network: network::choose(name)?,
        hosters,
        pool_size: config.pool_size.unwrap_or(2).min(100),
        mirrors: Mirrors::choose(config.mirror.as_deref())?,
        endpoint: SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)),
        token: hex::encode(seed::random(32)?),
        dns_port: free_port()?,
        zone: absolute(config.zone.as_deref().unwrap_or("example.")),
        tsig_secret: base64::engine::general_purpose::STANDARD.encode(seed::random(32)?),
        authorized_keys: Vec::new(),
    })
}

fn absolute(zone: &str) -> String {
    format!("{}.", zone.trim_end_matches('.').to_ascii_lowercase())
}

/// A port of the loopback that is free for TCP and UDP now.
fn free_port() -> Result<u16, FleetError> {
    let action = "find a free port on 127.0.0.1";
    for _ in 0..50 {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| failed(action, &error))?;
        let port = listener
            .local_addr()
            .map_err(|error| failed(action, &error))?
            .port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(failed(action, &"none in 50 tries"))
}
