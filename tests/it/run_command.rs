//! `holdfast run` as systemd, a forge, Prometheus and a person next to it meet it.

use super::people::{People, Said};
use hmac::{Hmac, Mac as _};
use holdfast::model::journal::Event;
use holdfast::world::store::{Journal, read_entries};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Nobody's machines, so that a pass asks nobody.
pub fn without_customers() -> People {
    let people = People::founded();
    fs::remove_file(people.dir().join("stacks/acme.toml")).unwrap();
    people.write(
        "hosters.toml",
        "schema = 1\n\n[[hoster]]\nid = \"netcup\"\ndescriptor = \"netcup\"\n",
    );
    people.commit("No customer yet", "anna");
    people
}

/// The loop, with everything that others see of it.
struct Loop {
    people: People,
    child: Child,
    address: String,
    /// What systemd was told. It listens all the time, or the loop would wait for it.
    told: Arc<Mutex<String>>,
}

fn listen(socket: &Path) -> Arc<Mutex<String>> {
    let socket = UnixDatagram::bind(socket).unwrap();
    let told = Arc::new(Mutex::new(String::new()));
    let into = told.clone();
    std::thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok(count) = socket.recv(&mut message) {
            let text = String::from_utf8_lossy(&message[..count]);
            into.lock().unwrap().push_str(&text);
        }
    });
    told
}

impl Loop {
    fn begin(people: People, more: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let secret = people.beside("push");
        fs::write(&secret, format!("{SECRET}\n")).unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        people.configure(&format!(
            "[run]\nlisten = \"{address}\"\npush_secret = \"{}\"\n{more}\n",
            secret.display()
        ));
        let socket = people.beside("notify");
        let told = listen(&socket);
        let log = fs::File::create(people.beside("log")).unwrap();
        let child = people
            .command("anna", Path::new(env!("CARGO_BIN_EXE_holdfast")))
            .args(["run", "--log", "json"])
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "300000")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let one = Self {
            people,
            child,
            address,
            told,
        };
        one.tells("READY=1");
        one
    }

    /// Waits until systemd is told this.
    fn tells(&self, word: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.told.lock().unwrap().contains(word) {
            assert!(Instant::now() < until, "{word}: {:?}", self.told);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Status and body.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: l\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    fn push(&self, headers: &str) -> u16 {
        self.ask("POST", "/push", headers, "{\"ref\":\"refs/heads/main\"}")
            .0
    }

    fn signed_push(&self) -> u16 {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(b"{\"ref\":\"refs/heads/main\"}");
        let digest = hex::encode(mac.finalize().into_bytes());
        self.push(&format!("X-Forgejo-Signature: {digest}\r\n"))
    }

    fn metrics(&self) -> String {
        self.ask("GET", "/metrics", "", "").1
    }

    fn until_counts(&self, line: &str) {
        let until = Instant::now() + Duration::from_secs(30);
        while !self.metrics().lines().any(|found| found == line) {
            let log = fs::read_to_string(self.people.beside("log")).unwrap();
            assert!(Instant::now() < until, "{line}\n{}\n{log}", self.metrics());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn health(&self) -> (u16, Value) {
        let (status, body) = self.ask("GET", "/healthz", "", "");
        (status, serde_json::from_str(&body).unwrap())
    }

    /// SIGTERM; the exit code and the log.
    fn end(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(&id).status().unwrap().success());
        let ended = self.child.wait().unwrap();
        self.tells("STOPPING=1");
        let log = fs::read_to_string(self.people.beside("log")).unwrap();
        (ended.code(), log)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_push_wakes_the_loop_which_reads_everything_afresh() {
    let one = Loop::begin(without_customers(), "interval = \"1h\"");
    one.tells("WATCHDOG=1");
    one.until_counts("holdfast_passes_total{ending=\"held\"} 1");
    let (status, health) = one.health();
    assert_eq!(status, 200, "{health}");
    assert_eq!(health["last_pass"]["wakes"][0], "start");

    one.people.write(
        "estate.toml",
        &format!("{}\n# More.\n", one.people.read("estate.toml")),
    );
    let commit = one.people.commit("Say more", "anna");
    assert_eq!(one.push(""), 403);
    assert_eq!(one.push("X-Gitlab-Token: 0123456789abcdef\r\n"), 403);
    assert_eq!(one.ask("GET", "/push", "", "").0, 405);
    assert_eq!(one.signed_push(), 202);
    one.until_counts("holdfast_wakes_total{reason=\"push\"} 1");
    // The same once more does what the timer does: it looks.
    assert_eq!(one.signed_push(), 202);
    one.until_counts("holdfast_wakes_total{reason=\"push\"} 2");
    let metrics = one.metrics();
    for line in [
        "holdfast_pushes_refused_total 2",
        "holdfast_pass_duration_seconds_count 3",
        "holdfast_wakes_total{reason=\"timer\"} 0",
        "holdfast_stacks{state=\"failing\"} 0",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
    let state = one.people.config().state;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let entries = runtime.block_on(read_entries(&state)).unwrap();
    let accepted = |e: &Event| matches!(e, Event::Accepted { commit: c } if c.as_str() == commit);
    assert!(entries.iter().any(|entry| accepted(&entry.event)));

    let (code, log) = one.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(SECRET), "{log}");
    for line in log.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn a_person_works_between_passes_and_the_loop_waits_for_one_who_works() {
    let one = Loop::begin(
        without_customers(),
        "interval = \"1h\"\nstill_after_start = \"0s\"",
    );
    one.until_counts("holdfast_passes_total{ending=\"settled\"} 1");
    let applied = one.people.run("anna", &["apply"]);
    assert_eq!(applied.code, 0, "{applied:?}");

    let state = one.people.config().state;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let journal = runtime.block_on(Journal::open(&state)).unwrap();
    assert_eq!(one.signed_push(), 202);
    one.until_counts("holdfast_passes_total{ending=\"busy\"} 1");
    let (_, health) = one.health();
    let holder = std::process::id().to_string();
    assert_eq!(health["last_pass"]["holder"], holder, "{health}");
    drop(journal);
    // Tried again long before the hour is over.
    one.until_counts("holdfast_passes_total{ending=\"settled\"} 2");
    one.until_counts("holdfast_wakes_total{reason=\"again\"} 1");
    assert_eq!(one.end().0, Some(0));
}

#[test]
fn a_pass_that_fails_is_told_with_its_class_and_ends_nothing() {
    let people = without_customers();
    people.git(&[
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@x",
        "commit",
        "-q",
        "--no-gpg-sign",
        "--allow-empty",
        "-m",
        "Mine",
    ]);
    let one = Loop::begin(people, "interval = \"1h\"");
    one.until_counts("holdfast_passes_total{ending=\"failed\"} 1");
    let (status, health) = one.health();
    assert_eq!(status, 503, "{health}");
    assert_eq!(health["last_pass"]["class"], "needs-human", "{health}");
    one.people.git(&["reset", "-q", "--hard", "HEAD^"]);
    assert_eq!(one.signed_push(), 202);
    one.until_counts("holdfast_passes_total{ending=\"held\"} 1");
    assert_eq!(one.health().0, 200);
    let (code, log) = one.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("\"class\":\"needs-human\""), "{log}");
}

#[test]
fn what_is_wrong_at_the_start_ends_it_with_a_word() {
    let people = without_customers();
    let config = fs::read_to_string(&people.made.config).unwrap();
    let secret = people.beside("push");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let with = |run: &str| -> Said {
        fs::write(&people.made.config, format!("{config}\n[run]\n{run}\n")).unwrap();
        people.run("anna", &["run"])
    };
    let file = format!(
        "listen = \"127.0.0.1:0\"\npush_secret = {:?}",
        secret.display().to_string()
    );
    for (run, words) in [
        ("interval = \"0s\"", "[run] interval"),
        ("interval = \"often\"", "[run] interval"),
        ("listen = \"0.0.0.0:9467\"", "can be reached by others"),
        ("listen = \"here\"", "no address with a port"),
        ("push_secret = \"push\"", "`listen`, which is missing"),
        (
            &format!("listen = \"{taken}\""),
            "cannot listen on 127.0.0.1",
        ),
        (&file, "cannot read"),
    ] {
        let said = with(run);
        assert_eq!(said.code, 1, "{run}: {said:?}");
        assert!(said.err.contains(words), "{run}: {said:?}");
    }
    fs::write(&secret, "short").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    assert!(with(&file).err.contains("chmod 600"));
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    assert!(with(&file).err.contains("can be guessed"));
    let root = config.replacen("root = \"", "root = \"00000000", 1);
    fs::write(&people.made.config, root).unwrap();
    assert_eq!(people.run("anna", &["run"]).code, 1);
}

/// `systemd-analyze` knows nothing of us: the program is another one for it.
#[test]
fn the_unit_is_one_that_systemd_takes() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/systemd/holdfast.service");
    let text = fs::read_to_string(unit).unwrap();
    let begins = "ExecStart=/usr/local/bin/holdfast run ";
    assert!(text.contains(begins) && text.contains("Type=notify\n"));
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("holdfast.service");
    fs::write(&copy, text.replace("/usr/local/bin/holdfast", "/bin/true")).unwrap();
    let mut verify = Command::new("systemd-analyze");
    let Ok(said) = verify.arg("verify").arg(&copy).output() else {
        eprintln!("systemd-analyze is not here; the unit was not verified");
        return;
    };
    let said = Said::from(said);
    assert!(said.code == 0 && said.err.is_empty(), "{said:?}");
}
