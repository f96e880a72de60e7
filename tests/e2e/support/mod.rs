//! A lab and an estate as a user makes them: through the program, `git` and files.

mod lab_estate;
mod power_loss;
mod shell;

use holdfast::flow::config::Config;
use holdfast::flow::entry::{self, Mode};
use holdfast::flow::observe::{self, Look};
use holdfast::flow::session::Session;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a command said and how it ended.
#[derive(Debug, Clone)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Ended with this code; shows everything if not.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Said this, on whichever stream.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "{text:?} was not said\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The JSON document on standard output.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.stdout, self.stderr))
    }
}

/// A command that runs while the test does something else.
pub struct Running {
    child: Child,
    output: PathBuf,
}

impl Running {
    fn said(&self) -> String {
        std::fs::read_to_string(self.output.with_extension("err")).unwrap_or_default()
    }

    /// Waits until it has said this on standard error.
    #[track_caller]
    pub fn until_says(&mut self, text: &str) {
        let until = Instant::now() + Duration::from_mins(10);
        while !self.said().contains(text) {
            assert!(
                self.child.try_wait().unwrap().is_none() && Instant::now() < until,
                "{text:?} was not said:\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it has come to its end by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Master connections of ssh that it has open, or has left behind.
    pub fn masters(&self) -> usize {
        let mark = format!("holdfast-ssh-{}-", self.child.id());
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|p| std::fs::read(p.path().join("cmdline")).ok());
        lines
            .filter(|line| {
                line.starts_with(b"ssh\0") && String::from_utf8_lossy(line).contains(&mark)
            })
            .count()
    }

    /// SIGTERM, as systemd sends it.
    pub fn terminate(self) -> Self {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        self
    }

    /// `SIGSTOP`, `SIGCONT`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// `kill -9`.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said()
    }
}

/// A test that fails leaves nothing running: a loop would never end by itself.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A lab with an estate on it.
pub struct Stage {
    dir: tempfile::TempDir,
    lab: String,
    pub runtime: tokio::runtime::Runtime,
    /// Everything that was said, for the search after secrets.
    said: String,
    runs: usize,
}

impl Stage {
    /// `holdfast lab up`, `holdfast init`, files, `git commit`.
    pub fn new(name: &str) -> Self {
        Self::with_lab(name, &[])
    }

    /// The same with other options of `lab up`.
    pub fn with_lab(name: &str, options: &[&str]) -> Self {
        let mut stage = Self {
            dir: tempfile::tempdir_in("/var/tmp").unwrap(),
            lab: format!("e2e-{}-{name}", std::process::id()),
            runtime: tokio::runtime::Runtime::new().unwrap(),
            said: String::new(),
            runs: 0,
        };
        let up = ["up", "--prepare", "debian-13"];
        stage.lab(&[&up, options].concat()).exits(0);
        let estate = stage.estate();
        let made = stage
            .holdfast_anywhere(&["init", &text(&estate), "--name", "e2e"])
            .exits(0)
            .says("for machines");
        assert!(made.stdout.contains("root commit"), "{}", made.stdout);
        let lab = stage.lab_status();
        std::fs::write(estate.join("hosters.toml"), lab_estate::hosters(&lab)).unwrap();
        let shared = format!(
            "schema = 1\n\n[estate]\nname = \"e2e\"\nlanguage = \"en\"\n\n{}",
            lab_estate::dns(&lab)
        );
        std::fs::write(estate.join("estate.toml"), shared).unwrap();
        std::fs::remove_file(estate.join("stacks/acme.toml")).unwrap();
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/estates/notes"),
            &estate,
        );
        let token = lab["hetzner"]["token"].as_str().unwrap();
        stage.seal("hetzner-token", token);
        stage.seal("dns-key", lab["dns"]["secret"].as_str().unwrap());
        stage.git(&["add", "-A"]);
        stage.git(&["commit", "-m", "Describe the lab and two customers"]);
        let key = estate.join(".git/holdfast/keys/machines.pub");
        stage.lab(&["authorize", &text(&key)]).exits(0);
        // A person's patience in a test is shorter than in life.
        let config = estate.join(".git/holdfast/config.toml");
        let mut settings = std::fs::read_to_string(&config).unwrap();
        settings.push_str("\n[patience]\nhoster = \"4s\"\nfirst_contact = \"12s\"\n");
        std::fs::write(&config, settings).unwrap();
        stage
    }

    /// Lays further files over the estate, not yet committed.
    pub fn add(&self, files: &Path) {
        copy(files, &self.estate());
    }

    pub fn estate(&self) -> PathBuf {
        self.dir.path().join("estate")
    }

    pub fn seal(&mut self, id: &str, secret: &str) {
        let estate = text(&self.estate());
        self.run(
            &["secret".into(), id.into(), "--estate".into(), estate],
            secret.as_bytes(),
        )
        .exits(0);
    }

    /// A command on the estate.
    pub fn holdfast(&mut self, arguments: &[&str]) -> Ran {
        let estate = text(&self.estate());
        let mut all: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
        all.extend(["--estate".to_owned(), estate]);
        self.run(&all, b"")
    }

    /// A command on another clone of the estate.
    pub fn holdfast_in(&mut self, estate: &Path, arguments: &[&str]) -> Ran {
        let mut all: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
        all.extend(["--estate".to_owned(), text(estate)]);
        self.run(&all, b"")
    }

    pub fn holdfast_anywhere(&mut self, arguments: &[&str]) -> Ran {
        let all: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
        self.run(&all, b"")
    }

    /// A command on the lab. What it says is the lab's own and not searched for secrets.
    pub fn lab(&self, arguments: &[&str]) -> Ran {
        let base = text(&self.dir.path().join("lab"));
        let mut all: Vec<String> = vec!["lab".into()];
        all.extend(arguments.iter().map(|&a| a.to_owned()));
        all.extend(["--name".into(), self.lab.clone(), "--dir".into(), base]);
        finish(
            Command::new(env!("CARGO_BIN_EXE_holdfast"))
                .args(all)
                .stdin(Stdio::null())
                .output(),
        )
    }

    /// Starts a command on the estate and leaves it running.
    pub fn start(&mut self, arguments: &[&str]) -> Running {
        self.runs += 1;
        let output = self.dir.path().join(format!("run-{}.out", self.runs));
        let create = |path: &Path| std::fs::File::create(path).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(arguments)
            .arg("--estate")
            .arg(self.estate())
            .stdin(Stdio::null())
            .stdout(create(&output))
            .stderr(create(&output.with_extension("err")))
            .spawn()
            .unwrap();
        Running { child, output }
    }

    /// Waits for a command that was started.
    pub fn end(&mut self, mut running: Running) -> Ran {
        let begin = Instant::now();
        let status = running.child.wait().unwrap();
        told("the rest of it", status.code().unwrap_or(-1), begin);
        let ran = Ran {
            code: status.code().unwrap_or(-1),
            stdout: std::fs::read_to_string(&running.output).unwrap(),
            stderr: running.said(),
        };
        self.hear(&ran.stdout);
        self.hear(&ran.stderr);
        ran
    }

    pub fn hear(&mut self, text: &str) {
        self.said.push_str(text);
    }

    /// All that was said so far.
    pub fn said(&self) -> &str {
        &self.said
    }

    fn run(&mut self, arguments: &[String], input: &[u8]) -> Ran {
        let begin = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(arguments)
            .env("HOLDFAST_LOG", "holdfast=debug")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let ran = finish(child.wait_with_output());
        told(&arguments[0], ran.code, begin);
        self.hear(&ran.stdout);
        self.hear(&ran.stderr);
        ran
    }

    /// Stock `git` in the estate; signs by itself, as `init` set it up.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        let ran = finish(
            Command::new("git")
                .arg("-C")
                .arg(self.estate())
                .args(arguments)
                .stdin(Stdio::null())
                .output(),
        );
        assert_eq!(ran.code, 0, "git {arguments:?}: {}", ran.stderr);
        ran.stdout
    }

    /// Replaces text in a file of the estate.
    #[track_caller]
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let path = self.estate().join(path);
        let old = std::fs::read_to_string(&path).unwrap();
        assert!(old.contains(from), "{} lacks {from:?}", path.display());
        std::fs::write(&path, old.replacen(from, to, 1)).unwrap();
    }

    #[track_caller]
    pub fn commit(&self, message: &str) {
        self.git(&["commit", "-a", "-m", message]);
    }

    pub fn lab_status(&self) -> Value {
        self.lab(&["status", "--format", "json"]).exits(0).json()
    }

    /// Machines of the lab that run, by name.
    pub fn running(&self, prefix: &str) -> Vec<String> {
        self.machines(|m| m["power"] == "running")
            .into_iter()
            .filter(|name| name.starts_with(prefix))
            .collect()
    }

    /// Machines that the lab knows, by name.
    pub fn machines(&self, keep: impl Fn(&Value) -> bool) -> Vec<String> {
        let status = self.lab_status();
        let machines = status["machines"].as_array().unwrap();
        let names = machines.iter().filter(|m| keep(m));
        names
            .map(|m| m["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The address of a machine of the lab.
    #[track_caller]
    pub fn address(&self, machine: &str) -> String {
        let status = self.lab_status();
        let machines = status["machines"].as_array().unwrap();
        let found = machines.iter().find(|m| m["name"] == machine);
        found.expect(machine)["address"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Until users get in to this machine of Notes.
    #[track_caller]
    pub fn until_served(&self, machine: &str) {
        let until = Instant::now() + Duration::from_mins(5);
        let serves = || {
            let there = self.running("notes-").iter().any(|name| name == machine);
            let page = there.then(|| self.get(machine, "/index.html")).flatten();
            page.is_some_and(|page| page.contains("Notes of many people"))
        };
        while !serves() {
            assert!(Instant::now() < until, "nobody gets in to {machine}");
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// `GET path` from outside; none when nothing is let in.
    pub fn get(&self, machine: &str, path: &str) -> Option<String> {
        let address: SocketAddr = format!("{}:80", self.address(machine)).parse().unwrap();
        let patience = Duration::from_secs(2);
        let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
        stream.set_read_timeout(Some(patience)).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: notes.example\r\nConnection: close\r\n\r\n"
        )
        .ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Where a name points, by the lab's name server.
    pub fn lookup(&self, host: &str) -> String {
        self.ask(host, "A", "+short")
    }

    /// What the lab's name server says of a name.
    pub fn ask(&self, host: &str, kind: &str, how: &str) -> String {
        let status = self.lab_status();
        let dns = &status["dns"];
        let server = format!("@{}", dns["address"].as_str().unwrap());
        let port = dns["port"].to_string();
        let ran = finish(
            Command::new("kdig")
                .args([&server, "-p", &port, host, kind])
                .args(how.split(' '))
                .output(),
        );
        ran.stdout.trim().to_owned()
    }

    /// The estate as the library opens it, to look only.
    pub fn session(&self) -> Arc<Session> {
        let config = Config::load(&self.estate(), None).unwrap();
        self.runtime
            .block_on(entry::open(&config, Mode::Read))
            .unwrap()
    }

    /// A session that has looked at everything once.
    pub fn look(&self) -> (Arc<Session>, Look) {
        let session = self.session();
        let look = self.runtime.block_on(async {
            let past = session.history().await.unwrap();
            observe::observe(&session, &past).await
        });
        (session, look)
    }

    /// The files of a directory, for searching.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let down = self.lab(&["down"]);
        if down.code != 0 {
            eprintln!("the lab is not down: {}", down.stderr);
        }
    }
}

fn finish(output: std::io::Result<std::process::Output>) -> Ran {
    let output = output.unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A line for what takes long.
fn told(what: &str, code: i32, begin: Instant) {
    let seconds = begin.elapsed().as_secs_f64();
    if seconds >= 3.0 {
        eprintln!("      {what}: exit {code} after {seconds:.1} s");
    }
}

pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
