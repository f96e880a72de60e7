//! Ordered machines: the real scripts, run by the real shell, over folders that stand for machines.

use crate::conformance::{Bench, conformance, done, refused};
use async_trait::async_trait;
use holdfast::model::desired::PoolMachine;
use holdfast::model::gap::GapKind;
use holdfast::model::ids::{EstateName, HosterId, ImageName, MachineName, SiteId, StepId};
use holdfast::model::machine::Role;
use holdfast::model::operation::{FaultClass, Operation};
use holdfast::model::secret::Secret;
use holdfast::world::hoster::Hoster;
use holdfast::world::hoster::pool::Pool;
use holdfast::world::machine::{Contact, MachineError, Script, Transport};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// What is wrong with a machine's connection.
#[derive(Clone, Copy)]
enum Cut {
    Silent,
    ForeignKey,
}

/// Each machine is a folder that scripts see as `/etc/holdfast`, and one beside it that is looked
/// through for what else it holds.
struct Folders {
    root: tempfile::TempDir,
    cut: Mutex<BTreeMap<MachineName, Cut>>,
}

impl Folders {
    fn etc(&self, machine: &str) -> PathBuf {
        self.root.path().join(machine)
    }
    fn disk(&self, machine: &str) -> PathBuf {
        self.root.path().join(format!("{machine}.disk"))
    }
    fn write(&self, machine: &str, path: &str, text: &str) {
        let path = self.disk(machine).join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    fn cut(&self, machine: &str, how: Cut) {
        let name = MachineName::new(machine);
        self.cut.lock().unwrap().insert(name, how);
    }
}

#[async_trait]
impl Transport for Folders {
    async fn run(
        &self,
        contact: &Contact,
        script: Script,
        input: &Secret,
    ) -> Result<Vec<serde_json::Value>, MachineError> {
        let machine = contact.machine.clone();
        let cut = self.cut.lock().unwrap().get(&machine).copied();
        match cut {
            Some(Cut::Silent) => {
                let detail = "timed out".to_owned();
                return Err(MachineError::Unreachable { machine, detail });
            }
            Some(Cut::ForeignKey) => return Err(MachineError::ForeignHostKey { machine }),
            None => {}
        }
        let etc = self.etc(machine.as_str());
        let text = script.text.replace("/etc/holdfast", etc.to_str().unwrap());
        let disk = self.disk(machine.as_str());
        let text = text.replace("\nat=\n", &format!("\nat='{}'\n", disk.display()));
        let mut shell = Command::new("sh")
            .args(["-c", &text])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = shell.stdin.take().unwrap();
        stdin.write_all(input.expose()).unwrap();
        drop(stdin);
        let out = shell.wait_with_output().unwrap();
        let lines: Vec<serde_json::Value> = String::from_utf8(out.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        if out.status.success() {
            return Ok(lines);
        }
        let error = &lines.last().unwrap()["error"];
        Err(MachineError::Refused {
            machine,
            script: script.name,
            code: error["code"].as_str().unwrap().to_owned(),
            message: error["message"].as_str().unwrap().to_owned(),
        })
    }
}

fn folders() -> Arc<Folders> {
    Arc::new(Folders {
        root: tempfile::tempdir().unwrap(),
        cut: Mutex::default(),
    })
}

fn pool(folders: &Arc<Folders>, estate: &str) -> Pool {
    let machine = |name: &str, last: u8| PoolMachine {
        name: MachineName::new(name),
        address: IpAddr::from([127, 0, 0, last]),
        port: 22,
        host_key: format!("ssh-ed25519 {name}"),
        site: SiteId::new("nue"),
        image: ImageName::new("debian-13"),
    };
    Pool::new(
        HosterId::new("netcup"),
        EstateName::new(estate),
        vec![machine("v1", 1), machine("v2", 2), machine("v3", 3)],
        Arc::clone(folders) as Arc<dyn Transport>,
    )
}

fn bench() -> Bench {
    Bench {
        estate: EstateName::new("demo"),
        site: SiteId::new("nue"),
        machine_type: None,
        image: ImageName::new("debian-13"),
        power: false,
        pool: true,
        user_data: Secret::new(Vec::new()),
    }
}

fn step() -> StepId {
    StepId::new("s1")
}

#[tokio::test]
async fn a_pool_passes_the_conformance_suite() {
    conformance(&pool(&folders(), "demo"), &bench()).await;
}

#[tokio::test]
async fn s01_a_silent_pool_machine_is_a_gap_and_never_free() {
    let folders = folders();
    let pool = pool(&folders, "demo");
    let create = bench().create("acme-e1", 1, Some(MachineName::new("v2")));
    done(pool.perform(&create, &step()).await);
    folders.cut("v1", Cut::Silent);
    folders.cut("v2", Cut::ForeignKey);
    let seen = pool.observe(&EstateName::new("demo")).await.unwrap();
    assert_eq!(seen.machines, []);
    let free: Vec<_> = seen.free.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(free, ["v3"]);
    let gaps: Vec<_> = seen
        .unseen
        .iter()
        .map(|u| (u.gap.subject.as_str(), u.gap.kind))
        .collect();
    assert_eq!(
        gaps,
        [
            ("machine v1 at hoster netcup", GapKind::Unreachable),
            ("machine v2 at hoster netcup", GapKind::ForeignHostKey),
        ]
    );
}

#[tokio::test]
async fn s01_an_identity_that_cannot_be_read_is_a_gap_and_never_free() {
    let folders = folders();
    for (machine, text) in [("v1", ""), ("v2", "ESTATE=demo\n"), ("v3", "ROLE='x'\n")] {
        std::fs::create_dir_all(folders.etc(machine)).unwrap();
        std::fs::write(folders.etc(machine).join("identity"), text).unwrap();
    }
    let seen = pool(&folders, "demo")
        .observe(&EstateName::new("demo"))
        .await
        .unwrap();
    assert_eq!((seen.machines.len(), seen.free.len()), (0, 0));
    assert_eq!(seen.unseen.len(), 3);
    assert!(
        seen.unseen
            .iter()
            .all(|u| u.gap.kind == GapKind::Unreadable)
    );
}

#[tokio::test]
async fn s07_a_machine_of_another_estate_is_neither_taken_nor_set_aside() {
    let folders = folders();
    let theirs = pool(&folders, "other");
    let take = Some(MachineName::new("v1"));
    let mut other = bench();
    other.estate = EstateName::new("other");
    done(
        theirs
            .perform(&other.create("acme-e1", 1, take.clone()), &step())
            .await,
    );

    let ours = pool(&folders, "demo");
    let refusal = refused(
        ours.perform(&bench().create("acme-e1", 1, take), &step())
            .await,
    );
    assert_eq!(refusal.code, "name_taken");
    let aside = Operation::Quarantine {
        machine: MachineName::new("acme-e1"),
    };
    assert_eq!(
        refused(ours.perform(&aside, &step()).await).code,
        "not_found"
    );
    assert!(!folders.etc("v1").join("quarantined").exists());
}

#[tokio::test]
async fn s06_two_claims_at_once_give_the_machine_to_one() {
    let folders = folders();
    let pool = Arc::new(pool(&folders, "demo"));
    let mut claims = tokio::task::JoinSet::new();
    for epoch in 1..=8 {
        let pool = Arc::clone(&pool);
        claims.spawn(async move {
            let create = bench().create("acme", epoch, Some(MachineName::new("v1")));
            pool.perform(&create, &step()).await
        });
    }
    let outcomes = claims.join_all().await;
    let won = outcomes
        .into_iter()
        .filter(|o| matches!(o, holdfast::model::operation::Outcome::Done(_)))
        .count();
    assert_eq!(won, 1);
    let left: Vec<_> = std::fs::read_dir(folders.etc("v1")).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file stays: {left:?}");
}

#[tokio::test]
async fn power_at_a_pool_needs_a_person() {
    let refusal = refused(
        pool(&folders(), "demo")
            .perform(
                &Operation::PowerOff {
                    machine: MachineName::new("acme-e1"),
                },
                &step(),
            )
            .await,
    );
    assert_eq!(refusal.class, FaultClass::NeedsHuman);
    assert_eq!(refusal.message, "this hoster has no power control");
}

#[tokio::test]
async fn s07_the_machine_that_runs_holdfast_is_never_free_even_if_the_inventory_lists_it() {
    let folders = folders();
    // The scripts run here, so every folder is this computer; a fixture without an id says so.
    let own = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let own = own.trim().to_owned();
    if own.is_empty() {
        eprintln!("skipped: this computer has no /etc/machine-id");
        return;
    }
    let pool = pool(&folders, "demo").sparing(Some(own));
    let seen = pool.observe(&EstateName::new("demo")).await.unwrap();
    assert_eq!((seen.machines.len(), seen.free.len()), (0, 0));
    assert!(
        seen.unseen
            .iter()
            .all(|u| u.gap.kind == GapKind::NotOurs && u.gap.reason.contains("S7")),
        "{:?}",
        seen.unseen
    );
    assert_eq!(seen.unseen.len(), 3);
}

/// What makes a machine somebody's, one thing each.
const HELD: [&str; 11] = [
    "var/lib/postgresql/17/main/PG_VERSION",
    "var/lib/mysql/ibdata1",
    "var/lib/docker/volumes/shop/_data/orders.db",
    "var/lib/dokuwiki/data/pages/start.txt",
    "var/lib/exit-kit/opened",
    "var/lib/holdfast/dump",
    "srv/shop/orders.db",
    "mnt/volume/photos/1.jpg",
    "home/anna/thesis.tex",
    "var/www/html/index.html",
    "etc/nginx/sites-enabled/shop",
];

#[tokio::test]
async fn s04_a_machine_that_holds_somebodys_data_is_neither_free_nor_taken() {
    for path in HELD {
        let folders = folders();
        folders.write("v1", path, "Our shop");
        let pool = pool(&folders, "demo");
        let seen = pool.observe(&EstateName::new("demo")).await.unwrap();
        let free: Vec<_> = seen.free.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(free, ["v2", "v3"], "{path}");
        let gap = &seen.unseen[0].gap;
        assert!(gap.reason.contains(path), "{path}: {gap}");
        assert!(gap.reason.contains("out of hosters.toml"), "{gap}");

        // Between the look and the claim somebody moved in.
        for role in [Role::Production, Role::Drill] {
            let take = Some(MachineName::new("v1"));
            let mut create = bench().create("acme-e1", 1, take);
            if let Operation::Create(want) = &mut create {
                want.owner.role = role;
            }
            let refusal = refused(pool.perform(&create, &step()).await);
            assert_eq!(refusal.code, "occupied", "{path}");
            assert_eq!(refusal.class, FaultClass::NeedsHuman);
            assert!(refusal.message.contains(path), "{}", refusal.message);
        }
        assert!(!folders.etc("v1").exists(), "nothing was written");
    }
}

#[tokio::test]
async fn s07_a_machine_of_ours_that_lost_its_name_is_not_free() {
    let folders = folders();
    std::fs::create_dir_all(folders.etc("v1")).unwrap();
    std::fs::write(folders.etc("v1").join("stage"), "opened").unwrap();
    let pool = pool(&folders, "demo");
    let seen = pool.observe(&EstateName::new("demo")).await.unwrap();
    assert_eq!(seen.free.len(), 2);
    assert!(seen.unseen[0].gap.reason.contains("stage"));
}

#[tokio::test]
async fn what_hosters_install_leaves_a_machine_free() {
    let folders = folders();
    for (path, text) in [
        ("home/debian/.ssh/authorized_keys", "ssh-ed25519 AAAA"),
        ("home/debian/.bashrc", "# ~/.bashrc"),
        ("var/lib/postgresql/.psql_history", ""),
        ("var/lib/cloud/instance/user-data.txt", "#cloud-config"),
        (
            "var/www/html/index.html",
            "<title>Apache2 Debian Default Page: It works",
        ),
        (
            "var/www/html/index.nginx-debian.html",
            "<h1>Welcome to nginx!</h1>",
        ),
        ("etc/nginx/sites-enabled/default", "server {}"),
        (
            "etc/apache2/sites-enabled/000-default.conf",
            "<VirtualHost *:80>",
        ),
        ("root/install.log", "ok"),
    ] {
        folders.write("v1", path, text);
    }
    for empty in ["srv/ftp", "mnt/lost+found", "home/anna", "var/lib/mysql"] {
        std::fs::create_dir_all(folders.disk("v1").join(empty)).unwrap();
    }
    let pool = pool(&folders, "demo");
    let seen = pool.observe(&EstateName::new("demo")).await.unwrap();
    assert_eq!(seen.unseen, []);
    assert_eq!(seen.free.len(), 3);
    let create = bench().create("acme-e1", 1, Some(MachineName::new("v1")));
    done(pool.perform(&create, &step()).await);
    // With its name on it, what it holds is its own business, and the same claim finds it done.
    folders.write("v1", "srv/shop/orders.db", "Our shop");
    done(pool.perform(&create, &step()).await);
}
