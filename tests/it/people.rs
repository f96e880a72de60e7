//! An estate with several people: anna founded it, bela is an operator, olga a second owner.
//! Commits are made and signed by Git, commands are run as people run them.

use holdfast::flow::config::Config;
use holdfast::flow::init::{InitOptions, Initialised, init};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub struct People {
    folder: tempfile::TempDir,
    pub made: Initialised,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl People {
    /// Founded by anna alone.
    pub fn founded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = init(&folder.path().join("estate"), &InitOptions::default()).unwrap();
        Self { folder, made }
    }

    /// With bela and olga, and two people for what destroys and for the list itself.
    pub fn together() -> Self {
        let people = Self::founded();
        let list = people.dir().join("trust.toml");
        let mut text = fs::read_to_string(&list).unwrap();
        for (name, role) in [("bela", "operator"), ("olga", "owner")] {
            let key = people.new_key(name);
            let signer =
                format!("\n[[signer]]\nname = \"{name}\"\nrole = \"{role}\"\nkey = \"{key}\"\n");
            text.push_str(&signer);
        }
        text.push_str("\n[thresholds]\ndestructive = { signers = 2 }\ntrust = { signers = 2, roles = [\"owner\"] }\n");
        fs::write(&list, text).unwrap();
        people.commit("Work together", "anna");
        people
    }

    pub fn dir(&self) -> &Path {
        &self.made.estate
    }

    /// A place beside the estate.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> Config {
        Config::load(self.dir(), None).unwrap()
    }

    /// Adds to this computer's configuration.
    pub fn configure(&self, more: &str) {
        let text = fs::read_to_string(&self.made.config).unwrap();
        fs::write(&self.made.config, format!("{text}\n{more}")).unwrap();
    }

    /// A key made by `ssh-keygen`; its public line.
    pub fn new_key(&self, name: &str) -> String {
        let path = self.beside(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]);
        let made = Said::from(command.arg(&path).output().unwrap());
        assert_eq!(made.code, 0, "{made:?}");
        let line = fs::read_to_string(path.with_extension("pub")).unwrap();
        line.trim().to_owned()
    }

    /// Where somebody's private key lies.
    pub fn key(&self, name: &str) -> PathBuf {
        if name == "anna" {
            std::path::absolute(&self.made.signing_key).unwrap()
        } else {
            self.beside(name)
        }
    }

    /// Git, as somebody.
    pub fn git_in(&self, dir: &Path, who: &str, args: &[&str]) -> Said {
        let key = format!("user.signingkey={}", self.key(who).display());
        let mut command = Command::new("git");
        command.arg("-C").arg(dir).args(["-c", &key]);
        command.args(["-c", "user.name=P", "-c", "user.email=p@acme.example"]);
        command.args(["-c", "gpg.format=ssh"]).args(args);
        Said::from(command.output().unwrap())
    }

    pub fn git(&self, args: &[&str]) -> String {
        let said = self.git_in(self.dir(), "anna", args);
        assert_eq!(said.code, 0, "git {args:?}: {said:?}");
        said.out.trim().to_owned()
    }

    /// Commits the work tree; gives the id.
    pub fn commit(&self, message: &str, who: &str) -> String {
        self.git(&["add", "-A"]);
        let made = self.git_in(self.dir(), who, &["commit", "-q", "-S", "-m", message]);
        assert_eq!(made.code, 0, "{made:?}");
        self.head()
    }

    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.dir().join(path), text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir().join(path)).unwrap()
    }

    /// Changes the customer's file; gives the commit.
    pub fn rename(&self, name: &str, who: &str) -> String {
        let text = self.read("stacks/acme.toml");
        let line = text
            .lines()
            .find(|line| line.starts_with("name = "))
            .unwrap();
        let text = text.replacen(line, &format!("name = \"{name}\""), 1);
        self.write("stacks/acme.toml", &text);
        self.commit(&format!("Call it {name}"), who)
    }

    /// The program, run by somebody in the estate's folder.
    pub fn run(&self, who: &str, args: &[&str]) -> Said {
        let mut command = self.command(who, Path::new(env!("CARGO_BIN_EXE_holdfast")));
        Said::from(command.args(args).output().unwrap())
    }

    /// A program in the estate's folder, with somebody's key in Git's configuration.
    pub fn command(&self, who: &str, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir())
            .env_remove("HOLDFAST_ROOT")
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "user.signingkey")
            .env("GIT_CONFIG_VALUE_0", self.key(who));
        command
    }

    /// An approval as anybody can make it who has the key, whatever `holdfast approve` says.
    pub fn approve_by_hand(&self, who: &str, commit: &str) {
        let (id, signature) = (self.beside("id"), self.beside("id.sig"));
        fs::write(&id, commit).unwrap();
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-Y", "sign", "-n", "holdfast-approval", "-f"]);
        let signed = Said::from(sign.arg(self.key(who)).arg(&id).output().unwrap());
        assert_eq!(signed.code, 0, "{signed:?}");
        let line = fs::read_to_string(self.key(who).with_extension("pub")).unwrap();
        let key: ssh_key::PublicKey = line.parse().unwrap();
        let name = holdfast::world::git::approval_name(key.key_data()).unwrap();
        let blob = self.git(&["hash-object", "-w", signature.to_str().unwrap()]);
        fs::remove_file(signature).unwrap();
        let reference = format!("refs/holdfast/approvals/{commit}/{name}");
        self.git(&["update-ref", &reference, &blob]);
    }

    /// References of approvals.
    pub fn approvals(&self) -> Vec<String> {
        let all = self.git(&[
            "for-each-ref",
            "--format=%(refname)",
            "refs/holdfast/approvals/",
        ]);
        all.lines().map(str::to_owned).collect()
    }
}
