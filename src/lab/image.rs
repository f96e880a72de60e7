//! Stock images, as a hoster offers them: built once with mmdebstrap, then shared by all labs.
//!
//! An image is a directory named after its recipe's digest. It is built beside its
//! place and renamed when complete, under a lock, so that it is there whole or not
//! at all. Machines lay their own disk over it and never write to it.

use super::LabError;
use super::cgroup::Group;
use super::command::failed;
use super::fleet::FleetError;
use super::mirror::Mirrors;
use super::state::Lock;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where images are kept when nothing else is said.
pub const DEFAULT_CACHE: &str = "/var/cache/holdfast/lab/images";

/// The packages of a stock image beyond Debian's minimal base.
const PACKAGES: &[&str] = &[
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "cloud-init",
    "iproute2",
    "iputils-ping",
    "netbase",
    "ca-certificates",
    "curl",
    "nftables",
    "procps",
    "less",
];

/// Files laid over the packages' own.
const FILES: &[(&str, &str)] = &[
    // The identity comes from a seed directory; nothing else is asked for, so no boot waits
    // for a metadata service that is not there.
    (
        "etc/cloud/ds-identify.cfg",
        "policy: enabled\ndatasource: NoCloud\n",
    ),
    ("etc/cloud/cloud.cfg.d/90-lab.cfg", CLOUD_CONFIG),
    // Said here and not to cloud-init, which would restart sshd in the middle of the boot.
    (
        "etc/ssh/sshd_config.d/50-lab.conf",
        "PasswordAuthentication no\n",
    ),
    ("etc/default/locale", "LANG=C.UTF-8\n"),
    ("etc/apt/apt.conf.d/90lab", "Acquire::Languages \"none\";\n"),
];

/// As hosters' images do: root logs in by key; the address comes from outside.
const CLOUD_CONFIG: &str = "\
datasource_list: [NoCloud, None]
network: {config: disabled}
disable_root: false
ssh_deletekeys: true
ssh_genkeytypes: [ed25519]
manage_etc_hosts: localhost
growpart: {mode: 'off'}
resize_rootfs: false
system_info: {default_user: {name: root}}
";

/// Timers that would start package work of their own at boot, and a console nobody sits at.
const NOT_STARTED: &[&str] = &[
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
];

/// What an image is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// `debian-12` or `debian-13`.
    pub name: String,
    suite: &'static str,
    mirrors: Mirrors,
}

/// How far a build has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildProgress {
    /// The image.
    pub image: String,
    /// Packages' steps done: fetched, unpacked and set up count one each.
    pub done: u64,
    /// About how many there will be.
    pub total: u64,
    /// What is being done, for people.
    pub doing: String,
}

impl Recipe {
    /// The recipe of a named image.
    ///
    /// # Errors
    /// [`LabError::UnknownImage`] for any other name.
    pub fn of(image: &str, mirrors: &Mirrors) -> Result<Self, LabError> {
        let suite = match image {
            "debian-12" => "bookworm",
            "debian-13" => "trixie",
            _ => {
                return Err(LabError::UnknownImage {
                    image: image.to_owned(),
                });
            }
        };
        Ok(Self {
            name: image.to_owned(),
            suite,
            mirrors: mirrors.clone(),
        })
    }

    /// Changes with everything that goes into the image, save the packages' versions.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        let security = self.mirrors.security.as_deref().unwrap_or_default();
        for part in [self.suite, &self.mirrors.main, security]
            .into_iter()
            .chain(PACKAGES.iter().copied())
        {
            digest.update(part);
            digest.update([0]);
        }
        for part in FILES
            .iter()
            .flat_map(|(path, text)| [*path, *text])
            .chain(NOT_STARTED.iter().copied())
        {
            digest.update(part);
            digest.update([0]);
        }
        hex::encode(&digest.finalize()[..6])
    }

    /// The directory below `cache` that holds the image.
    pub fn path(&self, cache: &Path) -> PathBuf {
        cache.join(format!("{}-{}", self.name, self.digest()))
    }

    fn sources(&self) -> Vec<String> {
        let Mirrors { main, security } = &self.mirrors;
        let mut sources = vec![
            format!("deb {main} {} main", self.suite),
            format!("deb {main} {}-updates main", self.suite),
        ];
        if let Some(security) = security {
            sources.push(format!("deb {security} {}-security main", self.suite));
        }
        sources
    }
}

/// The image's directory, built now if it is not there yet.
///
/// The build runs in the control group `within`, so that it ends with its lab.
pub fn ensure(
    recipe: &Recipe,
    cache: &Path,
    within: &Group,
    tell: &dyn Fn(BuildProgress),
) -> Result<PathBuf, FleetError> {
    let path = recipe.path(cache);
    if path.exists() {
        return Ok(path);
    }
    let action = || format!("build image {}", recipe.name);
    fs::create_dir_all(cache).map_err(|error| failed(action(), &error))?;
    let _lock = Lock::take(&cache.join(format!("{}.lock", recipe.name)))?;
    if path.exists() {
        return Ok(path);
    }
    let building = cache.join(format!(".building-{}", recipe.name));
    remove_if_there(&building).map_err(|error| failed(action(), &error))?;
    bootstrap(recipe, &building, within, tell)?;
    finish(&building).map_err(|error| failed(action(), &error))?;
    fs::rename(&building, &path).map_err(|error| failed(action(), &error))?;
    Ok(path)
}

/// Removes builds that were broken off. A build that is under way is left alone.
pub fn forget_broken_builds(cache: &Path) {
    for image in ["debian-12", "debian-13"] {
        let building = cache.join(format!(".building-{image}"));
        let lock = fs::File::open(cache.join(format!("{image}.lock")));
        if building.exists() && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(building);
        }
    }
}

/// Removes all images, unless a machine still lies on one or there is another lab below `base`.
pub fn forget_all(cache: &Path, base: &Path) -> Result<(), FleetError> {
    let action = || format!("remove images in {}", cache.display());
    let mounts =
        fs::read_to_string("/proc/self/mounts").map_err(|error| failed(action(), &error))?;
    let mounted = mounts.contains(&format!("lowerdir={}/", cache.display()));
    let labs = fs::read_dir(base).into_iter().flatten().flatten();
    // Machines that are off are mounted nowhere and need their image all the same.
    if mounted
        || labs
            .map(|lab| lab.path())
            .any(|lab| lab.join("lab.json").exists())
    {
        let detail = "another lab may need them; take that one down first";
        return Err(failed(action(), &detail));
    }
    remove_if_there(cache).map_err(|error| failed(action(), &error))
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Joins the control group given first, then becomes the command that follows.
pub const JOIN_AND_BECOME: &str = r#"echo $$ >"$1/cgroup.procs" && shift && exec "$@""#;

fn bootstrap(
    recipe: &Recipe,
    target: &Path,
    within: &Group,
    tell: &dyn Fn(BuildProgress),
) -> Result<(), FleetError> {
    let action = || format!("build image {} with mmdebstrap", recipe.name);
    within.make()?;
    let mut child = Command::new("sh")
        .args(["-c", JOIN_AND_BECOME, "image"])
        .arg(within.path())
        .args([
            "mmdebstrap",
            "--verbose",
            "--mode=root",
            "--variant=minbase",
            "--components=main",
        ])
        .arg(format!("--include={}", PACKAGES.join(",")))
        .arg(recipe.suite)
        .arg(target)
        .args(recipe.sources())
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(action(), &error))?;
    let mut count = Count::default();
    let mut last = std::collections::VecDeque::new();
    let said = child.stderr.take().map(BufReader::new);
    // `split` rather than `lines`: package names are ASCII, but what scripts print may not be.
    for line in said
        .into_iter()
        .flat_map(|said| said.split(b'\n'))
        .map_while(Result::ok)
    {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if let Some(doing) = count.hear(&line) {
            tell(BuildProgress {
                image: recipe.name.clone(),
                done: count.done,
                total: count.total(),
                doing,
            });
        }
        if last.len() == 5 {
            last.pop_front();
        }
        last.push_back(line);
    }
    let status = child.wait().map_err(|error| failed(action(), &error))?;
    if status.success() {
        return Ok(());
    }
    let last: Vec<String> = last.into_iter().filter(|line| !line.is_empty()).collect();
    Err(failed(action(), &format!("{status}: {}", last.join(" | "))))
}

/// Counts what mmdebstrap says it has done.
#[derive(Debug, Default)]
pub struct Count {
    done: u64,
    announced: u64,
}

impl Count {
    /// Takes one line; returns what to show when it told of progress.
    pub fn hear(&mut self, line: &str) -> Option<String> {
        if let Some((_, rest)) = line.split_once("upgraded, ") {
            let number = rest
                .split(' ')
                .next()
                .and_then(|number| number.parse::<u64>().ok());
            self.announced += number.unwrap_or_default();
            return None;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let doing = match *words.as_slice() {
            // Lists of packages are fetched too; their line has a size, `[140`, in that place.
            [get, _, _, _, package, ..] if get.starts_with("Get:") && !package.starts_with('[') => {
                format!("fetching {package}")
            }
            ["Unpacking", package, ..] => format!("unpacking {package}"),
            ["Setting", "up", package, ..] => format!("setting up {package}"),
            _ => return None,
        };
        self.done += 1;
        Some(doing)
    }

    /// About how many steps there will be; never less than what is done.
    pub fn total(&self) -> u64 {
        // The second of the two package lists is announced late; both together have about 175.
        (3 * self.announced.max(175)).max(self.done)
    }
}

/// What turns a bare Debian into an image that thousands of machines may start from.
fn finish(root: &Path) -> std::io::Result<()> {
    for (path, text) in FILES {
        let path = root.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)?;
    }
    let units = root.join("etc/systemd/system");
    for unit in NOT_STARTED {
        let _ = fs::remove_file(units.join("timers.target.wants").join(unit));
        let _ = fs::remove_file(units.join("getty.target.wants").join(unit));
        std::os::unix::fs::symlink("/dev/null", units.join(unit))?;
    }
    // A machine's host keys come with its user data, or cloud-init makes them; never from the image.
    for entry in fs::read_dir(root.join("etc/ssh"))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("ssh_host_") {
            fs::remove_file(entry.path())?;
        }
    }
    fs::write(root.join("etc/machine-id"), "")?;
    fs::create_dir_all(root.join("var/lib/cloud/seed/nocloud"))
}
