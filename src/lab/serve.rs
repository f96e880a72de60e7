//! The daemon: the hosters' interfaces over the lab's machines, on the loopback.
//!
//! It holds nothing that is not on disk or in the kernel, so it may be killed and
//! started again at any time; machines go on without it.

use super::cgroup::Group;
use super::command::failed;
use super::faults::{Mode, Outage};
use super::fleet::FleetError;
use super::hetzner::{self, ApiConfig, Fault};
use super::image::JOIN_AND_BECOME;
use super::state::LabRecord;
use super::{Lab, LabError};
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The hoster whose interface is served.
pub const HETZNER: &str = "hetzner";

/// Starts the daemon as a process of its own, if it does not run, and waits until it listens.
pub(super) fn start(lab: &Lab, record: &LabRecord, program: &Path) -> Result<(), FleetError> {
    let group = group(lab)?;
    if group.lives() {
        return Ok(());
    }
    group.make()?;
    let action = || format!("start {} lab serve", program.display());
    let path = lab.place.dir.join("daemon.log");
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|error| failed(format!("open {}", path.display()), &error))?;
    let errors = log.try_clone().map_err(|error| failed(action(), &error))?;
    Command::new("setsid")
        .args(["--fork", "sh", "-c", JOIN_AND_BECOME, "daemon"])
        .arg(group.path())
        .arg(program)
        .args(["lab", "serve", "--name", lab.name().as_str(), "--dir"])
        .arg(from_root(&lab.base))
        .arg("--cache")
        .arg(from_root(&lab.cache))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .status()
        .map_err(|error| failed(action(), &error))?;
    let until = Instant::now() + Duration::from_secs(10);
    // Asked from within this computer, a hoster that is cut off would seem to be down:
    // then a living process has to do.
    while TcpStream::connect_timeout(&record.endpoint, Duration::from_millis(200)).is_err() {
        let said = || fs::read_to_string(&path).unwrap_or_default();
        if Instant::now() > until {
            if group.lives() && is_cut(record) {
                return Ok(());
            }
            return Err(failed(
                action(),
                &format!("it does not listen after 10 s: {}", last_line(&said())),
            ));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn is_cut(record: &LabRecord) -> bool {
    record
        .hoster(HETZNER)
        .is_some_and(|hoster| super::network::is_cut(record, hoster).unwrap_or(false))
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or("it said nothing")
}

/// Whether the daemon lives.
pub(super) fn lives(lab: &Lab) -> bool {
    group(lab).is_ok_and(|group| group.lives())
}

fn group(lab: &Lab) -> Result<Group, FleetError> {
    Ok(Group::of_lab(lab.name())?.member("daemon"))
}

impl Lab {
    /// Serves the interfaces until the process ends (`holdfast lab serve`).
    ///
    /// # Errors
    /// When the lab is not there, or its address cannot be listened on.
    pub async fn serve(&self) -> Result<(), LabError> {
        let record = self.place.expect_record()?;
        let config = ApiConfig {
            faults: self.faults_of(HETZNER),
            ..ApiConfig::new(&record.token, self.place.interface_state())
        };
        let router = hetzner::router(Arc::new(self.machines()), config)
            .map_err(|error| failed("open the interface's state", &error))?;
        let action = || format!("listen on {}", record.endpoint);
        let listener = tokio::net::TcpListener::bind(record.endpoint)
            .await
            .map_err(|error| failed(action(), &error))?;
        axum::serve(listener, router)
            .await
            .map_err(|error| failed(action(), &error).into())
    }

    /// What goes wrong with a request, read from the lab's file each time.
    fn faults_of(&self, hoster: &'static str) -> hetzner::Faults {
        let faults = self.place.faults();
        Arc::new(move || faults.strike(hoster).map(as_fault))
    }
}

fn as_fault(outage: Outage) -> Fault {
    match outage.mode {
        Mode::Unavailable => Fault::Unavailable503,
        Mode::Hang => Fault::Hang,
        Mode::TooMany => Fault::RateLimited429,
        Mode::Broken => Fault::Internal500,
        Mode::Slow => Fault::Slow(Duration::from_millis(outage.delay_ms)),
        Mode::Full => Fault::Full,
    }
}

/// A path as an absolute one, for a process that starts elsewhere.
fn from_root(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
