//! The lab itself: it comes up, breaks as asked, and leaves nothing behind.

use holdfast::lab::disk::mounts_below;
use holdfast::lab::faults::{Mode, Outage};
use holdfast::lab::fleet::Power;
use holdfast::lab::{DEFAULT_CACHE, Lab, LabConfig, LabError, LabStatus};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A lab of its own for one test, taken down at the end, whatever happens.
struct Bench {
    lab: Lab,
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new(suffix: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keygen = run(
            "ssh-keygen",
            &[
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-f",
                &text(&dir.path().join("key")),
            ],
        );
        assert!(keygen.status.success(), "{keygen:?}");
        let lab = Lab::new(
            &format!("e2e-{}-{suffix}", std::process::id()),
            dir.path().join("lab"),
        )
        .unwrap();
        Self {
            lab,
            dir,
            runtime: tokio::runtime::Runtime::new().unwrap(),
        }
    }

    fn up(&self) -> LabStatus {
        self.try_up(&["hetzner", "netcup"]).unwrap()
    }

    fn try_up(&self, hosters: &[&str]) -> Result<LabStatus, LabError> {
        let config = LabConfig {
            program: PathBuf::from(env!("CARGO_BIN_EXE_holdfast")),
            hosters: Some(hosters.iter().map(|&name| name.to_owned()).collect()),
            pool_size: Some(1),
            authorized_keys: holdfast::lab::pool::keys_in(&self.dir.path().join("key.pub"))
                .unwrap(),
            ..LabConfig::default()
        };
        self.runtime.block_on(self.lab.up(config, |_| {}))
    }

    fn status(&self) -> LabStatus {
        self.runtime.block_on(self.lab.status()).unwrap()
    }

    fn down(&self) {
        self.runtime.block_on(self.lab.down(false)).unwrap();
    }

    /// Runs a command on the pool machine; its host key must be the one that was told.
    fn ssh(&self, command: &str) -> Output {
        let machine = self.status().pools["netcup"][0].clone();
        let known = self.dir.path().join("known_hosts");
        std::fs::write(
            &known,
            format!("{} {}\n", machine.address, machine.host_key),
        )
        .unwrap();
        run(
            "ssh",
            &[
                "-i",
                &text(&self.dir.path().join("key")),
                "-o",
                "StrictHostKeyChecking=yes",
                "-o",
                &format!("UserKnownHostsFile={}", known.display()),
                "-o",
                "ConnectTimeout=3",
                "-o",
                "BatchMode=yes",
                &format!("{}@{}", machine.user, machine.address),
                command,
            ],
        )
    }

    fn wait_for_ssh(&self) {
        let until = Instant::now() + Duration::from_mins(1);
        while !self.ssh("true").status.success() {
            assert!(
                Instant::now() < until,
                "the machine did not answer within a minute"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The status line of the interface's answer. A busy computer may take its time for it.
    fn answer_of_interface(&self) -> String {
        self.ask_interface(Duration::from_mins(1)).unwrap()
    }

    /// Whether nobody answers for the interface: nothing comes for a while, or nobody listens.
    fn interface_is_silent(&self) -> bool {
        match self.ask_interface(Duration::from_secs(3)) {
            Ok(_) => false,
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused => true,
                _ => panic!("{error}"),
            },
        }
    }

    fn ask_interface(&self, patience: Duration) -> std::io::Result<String> {
        let interface = self.status().hetzner.unwrap();
        let address = interface
            .endpoint
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix("/v1"))
            .unwrap();
        let mut stream = TcpStream::connect_timeout(&address.parse().unwrap(), patience)?;
        stream.set_read_timeout(Some(patience))?;
        let token = interface.token;
        write!(
            stream,
            "GET /v1/servers HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.lines().next().unwrap_or_default().to_owned())
    }

    /// What bears this lab's names on the computer.
    fn remains(&self) -> Vec<String> {
        let name = self.lab.name();
        let prefix = name.link_prefix();
        let mut found = Vec::new();
        for (tool, arguments) in [("ip", ["netns", "list"]), ("ip", ["-oneline", "link"])] {
            let listed = String::from_utf8(run(tool, &arguments).stdout).unwrap();
            found.extend(
                listed
                    .lines()
                    .filter(|line| line.contains(&prefix))
                    .map(str::to_owned),
            );
        }
        let tables = String::from_utf8(run("nft", &["list", "tables"]).stdout).unwrap();
        let table = format!("table ip {}", name.table());
        found.extend(
            tables
                .lines()
                .filter(|&line| line == table)
                .map(str::to_owned),
        );
        found.extend(mounts_below(self.lab.dir()).iter().map(|path| text(path)));
        // `nspawn`, `knotd`, the daemon and all that runs in machines belong to the lab's groups.
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let group = std::fs::read_to_string(process.path().join("cgroup")).unwrap_or_default();
            let state = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
            // Dead, and only waiting for this computer's first process to take note.
            let dead = state
                .rsplit(") ")
                .next()
                .is_none_or(|rest| rest.is_empty() || rest.starts_with('Z'));
            if !dead && group.contains(&format!("/holdfast-lab/{}", name.tag())) {
                found.push(format!("process {}", process.file_name().display()));
            }
        }
        let folders = [
            self.lab.dir().to_owned(),
            PathBuf::from("/run/systemd/nspawn/propagate"),
        ];
        for folder in folders {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name().into_string().unwrap());
            let own = folder == self.lab.dir();
            found.extend(names.filter(|name| own || name.starts_with(&prefix)));
        }
        found
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(self.lab.down(false));
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn cgroup(lab: &Lab, member: &str) -> PathBuf {
    holdfast::lab::cgroup::Group::of_lab(lab.name())
        .unwrap()
        .member(member)
        .path()
        .to_owned()
}

#[test]
fn a_machine_survives_power_loss_and_is_gone_when_destroyed() {
    let bench = Bench::new("power");
    let status = bench.up();
    assert_eq!(status.pools["netcup"].len(), 1);
    assert_eq!(status.machines[0].power, Power::Running);
    // The key was given to `up`, the host key was known before the machine existed.
    let said = bench.ssh("hostname; . /etc/os-release; echo $VERSION_ID; echo kept > /root/note");
    assert_eq!(
        String::from_utf8_lossy(&said.stdout),
        "netcup-1\n13\n",
        "{said:?}"
    );

    bench.runtime.block_on(bench.lab.kill("netcup-1")).unwrap();
    assert_eq!(bench.status().machines[0].power, Power::Off);
    assert!(
        !bench.ssh("true").status.success(),
        "a machine without power answers"
    );

    bench
        .runtime
        .block_on(bench.lab.power_on("netcup-1"))
        .unwrap();
    bench.wait_for_ssh();
    assert_eq!(bench.ssh("cat /root/note").stdout, b"kept\n");

    // Turned off from within: nothing may answer in its name either.
    bench.ssh("systemctl poweroff");
    let until = Instant::now() + Duration::from_secs(30);
    while bench.status().machines[0].power == Power::Running {
        assert!(Instant::now() < until, "it did not shut down");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(
        !Path::new("/run/netns")
            .join(bench.lab.name().namespace("netcup-1"))
            .exists()
    );

    bench
        .runtime
        .block_on(bench.lab.destroy("netcup-1"))
        .unwrap();
    assert_eq!(bench.status().machines[0].power, Power::Destroyed);
    assert!(!bench.lab.dir().join("machines/netcup-1/upper").exists());
    let refused = bench
        .runtime
        .block_on(bench.lab.power_on("netcup-1"))
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("disk of machine \"netcup-1\" is gone"),
        "{refused}"
    );
    // A second `up` neither fails nor brings it back.
    assert_eq!(bench.up().machines[0].power, Power::Destroyed);

    bench.down();
    assert_eq!(bench.remains(), Vec::<String>::new());
}

#[test]
fn a_machine_reaches_its_package_mirror() {
    let bench = Bench::new("apt");
    bench.up();
    let said = bench.ssh(
        "apt-get -qq update && apt-get -qq --yes install tree >/dev/null 2>&1 && tree --version",
    );
    assert!(said.status.success(), "{said:?}");
}

#[test]
fn a_hoster_can_be_cut_off_and_healed() {
    let bench = Bench::new("cut");
    bench.up();
    assert_eq!(bench.answer_of_interface(), "HTTP/1.1 200 OK");

    bench.runtime.block_on(bench.lab.cut("netcup")).unwrap();
    assert!(!bench.ssh("true").status.success());
    assert!(
        !bench.interface_is_silent(),
        "the other hoster must not suffer"
    );
    // Cutting twice and healing what is whole are no errors.
    bench.runtime.block_on(bench.lab.cut("netcup")).unwrap();
    bench
        .runtime
        .block_on(bench.lab.heal(Some("hetzner")))
        .unwrap();
    assert!(
        bench
            .status()
            .hosters
            .iter()
            .any(|hoster| hoster.name == "netcup" && hoster.cut)
    );

    bench.runtime.block_on(bench.lab.cut("hetzner")).unwrap();
    assert!(bench.interface_is_silent());

    bench.runtime.block_on(bench.lab.heal(None)).unwrap();
    assert!(bench.ssh("true").status.success());
    assert_eq!(bench.answer_of_interface(), "HTTP/1.1 200 OK");
}

#[test]
fn an_interface_fails_as_asked() {
    let bench = Bench::new("outage");
    bench.up();
    let begin = |mode| {
        bench
            .runtime
            .block_on(bench.lab.outage("hetzner", mode))
            .unwrap();
    };
    for (mode, answer) in [
        (Mode::Unavailable, "HTTP/1.1 503 Service Unavailable"),
        (Mode::TooMany, "HTTP/1.1 429 Too Many Requests"),
        (Mode::Broken, "HTTP/1.1 500 Internal Server Error"),
    ] {
        begin(Some(Outage::of(mode)));
        assert_eq!(bench.answer_of_interface(), answer, "{mode:?}");
    }
    begin(Some(Outage::of(Mode::Hang)));
    assert!(bench.interface_is_silent());
    begin(Some(Outage {
        delay_ms: 700,
        ..Outage::of(Mode::Slow)
    }));
    let start = Instant::now();
    assert_eq!(bench.answer_of_interface(), "HTTP/1.1 200 OK");
    assert!(start.elapsed() >= Duration::from_millis(700));
    begin(None);
    assert_eq!(bench.answer_of_interface(), "HTTP/1.1 200 OK");
    let pool = bench
        .runtime
        .block_on(bench.lab.outage("netcup", Some(Outage::of(Mode::Hang))));
    assert!(
        matches!(pool, Err(LabError::NoInterface { .. })),
        "{pool:?}"
    );
}

#[test]
fn the_name_server_takes_signed_updates_only() {
    let bench = Bench::new("dns");
    let dns = bench.up().dns;
    let update = |key: &str| {
        let script = format!(
            "server {} {}\nzone {zone}\n{key}\nupdate add wiki.acme.{zone} 60 A 192.0.2.7\nsend\n",
            dns.address,
            dns.port,
            zone = dns.zone
        );
        let mut child = Command::new("knsupdate")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    };
    let ask = |server: &str| {
        let port = dns.port.to_string();
        let name = format!("wiki.acme.{}", dns.zone);
        let said = run(
            "kdig",
            &[&format!("@{server}"), "-p", &port, &name, "A", "+short"],
        );
        String::from_utf8(said.stdout).unwrap()
    };
    let unsigned = update("");
    assert!(!unsigned.status.success(), "{unsigned:?}");
    assert_eq!(ask("127.0.0.1"), "");
    let signed = update(&format!(
        "key {}:{} {}",
        dns.algorithm, dns.key_name, dns.secret
    ));
    assert!(signed.status.success(), "{signed:?}");
    assert_eq!(ask("127.0.0.1"), "192.0.2.7\n");
    // Machines ask at their gateway.
    let gateway = bench.status().hosters[1].gateway.to_string();
    assert_eq!(ask(&gateway), "192.0.2.7\n");
}

#[test]
fn two_labs_do_not_collide() {
    let (first, second) = (Bench::new("a"), Bench::new("a-b"));
    let (one, two) = (first.up(), second.up());
    assert_ne!(one.network, two.network);
    assert_ne!(one.hetzner.unwrap().endpoint, two.hetzner.unwrap().endpoint);
    assert_ne!(one.dns.port, two.dns.port);
    first.down();
    assert_eq!(first.remains(), Vec::<String>::new());
    assert!(
        second.ssh("true").status.success(),
        "taking one lab down hurt the other"
    );
    assert_eq!(second.answer_of_interface(), "HTTP/1.1 200 OK");
}

#[test]
fn the_daemon_may_die_at_any_time() {
    let bench = Bench::new("crash");
    let before = bench.up();
    std::fs::write(cgroup(&bench.lab, "daemon").join("cgroup.kill"), "1").unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    while bench.status().hetzner.unwrap().running {
        assert!(Instant::now() < until, "the daemon outlived SIGKILL");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        bench.ssh("true").status.success(),
        "machines live without the daemon"
    );
    assert!(bench.interface_is_silent());
    // The same again, at the same place.
    assert_eq!(bench.up(), before);
    assert_eq!(bench.answer_of_interface(), "HTTP/1.1 200 OK");

    std::fs::write(cgroup(&bench.lab, "daemon").join("cgroup.kill"), "1").unwrap();
    bench.down();
    assert_eq!(bench.remains(), Vec::<String>::new());
}

#[test]
fn an_up_that_was_killed_half_way_is_removed_without_its_state() {
    let bench = Bench::new("half");
    let lab = bench.lab.clone();
    let base = text(lab.dir().parent().unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args([
            "lab",
            "up",
            "--name",
            lab.name().as_str(),
            "--dir",
            &base,
            "--cache",
            DEFAULT_CACHE,
        ])
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // As soon as the first machine runs.
    let until = Instant::now() + Duration::from_mins(5);
    while !cgroup(&lab, "machine-netcup-1").exists() {
        assert!(Instant::now() < until, "no machine was started");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ne!(bench.remains(), Vec::<String>::new());
    std::fs::remove_file(lab.dir().join("lab.json")).unwrap();
    let refused = bench.try_up(&["netcup"]).unwrap_err();
    assert!(matches!(refused, LabError::Remains { .. }), "{refused}");
    bench.down();
    assert_eq!(bench.remains(), Vec::<String>::new());
    // Down again, of nothing, is no error.
    bench.down();
}
