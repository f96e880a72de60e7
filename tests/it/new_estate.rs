//! An estate as `holdfast init` leaves it, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub struct Estate {
    folder: tempfile::TempDir,
    pub dir: PathBuf,
    /// The first commit.
    pub root: String,
}

/// The program in a folder; no root is told.
pub fn holdfast(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .args(arguments)
        .current_dir(dir)
        .env_remove("HOLDFAST_ROOT")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What a run that went well printed.
pub fn out(ran: &Output) -> String {
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout.clone()).unwrap()
}

/// What one that failed said.
pub fn err(ran: &Output) -> String {
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    String::from_utf8(ran.stderr.clone()).unwrap()
}

impl Estate {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = holdfast(folder.path(), &["init", "estate"]);
        assert!(made.status.success(), "{made:?}");
        let mut estate = Self {
            dir: folder.path().join("estate"),
            folder,
            root: String::new(),
        };
        estate.root = estate.git(&["rev-parse", "HEAD"]);
        estate
    }

    /// The program in the estate.
    pub fn run(&self, arguments: &[&str]) -> Output {
        holdfast(&self.dir, arguments)
    }

    /// What `git` says, without the last line break.
    pub fn git(&self, arguments: &[&str]) -> String {
        let ran = Command::new("git")
            .arg("-C")
            .arg(&self.dir)
            .args(arguments)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{arguments:?}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap().trim_end().to_owned()
    }

    /// Signs all that lies there; the new commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.dir.join(file)).unwrap()
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.dir.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file} has no {from:?}");
        self.write(file, &text.replacen(from, to, 1));
    }

    /// A path beside the estate.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
