//! The `git` program, asked for raw objects of repositories that libgit2
//! cannot open. It is believed nothing: every object is checked against its id.

use super::id::{Format, Kind, Object, ObjectId};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A repository behind `git`.
pub(super) struct GitProgram {
    path: PathBuf,
    format: Format,
    running: RefCell<Option<Running>>,
}

/// `git cat-file --batch`, waiting for ids.
struct Running {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It ends by itself once nobody can ask; a reader stuck in a large answer does not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl GitProgram {
    /// `None` when `git` cannot open it either, or its format is unknown.
    pub fn open(path: &Path) -> Option<(Self, Format)> {
        let text = run(path, &["rev-parse", "--show-object-format"]).ok()?;
        // SHA-1 objects are libgit2's: we would have to check their ids as carefully as it does.
        let format = match text.trim() {
            "sha256" => Format::Sha256,
            _ => return None,
        };
        let program = Self {
            path: path.to_owned(),
            format,
            running: RefCell::new(None),
        };
        Some((program, format))
    }

    /// The folder of objects and references, shared between work trees.
    pub fn git_dir(&self) -> Option<PathBuf> {
        let text = run(&self.path, &["rev-parse", "--git-common-dir"]).ok()?;
        Some(self.path.join(text.trim_end_matches('\n')))
    }

    /// Files of the work tree that a commit of all of them would hold.
    pub fn work_tree(&self) -> Option<Vec<String>> {
        let args = [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ];
        let text = run(&self.path, &args).ok()?;
        let mut paths: Vec<String> = text
            .split_terminator('\0')
            .filter(|path| std::fs::symlink_metadata(self.path.join(path)).is_ok())
            .map(str::to_owned)
            .collect();
        paths.sort();
        paths.dedup();
        Some(paths)
    }

    pub fn is_shallow(&self) -> bool {
        run(&self.path, &["rev-parse", "--is-shallow-repository"])
            .is_ok_and(|text| text.trim() == "true")
    }

    pub fn find(&self, name: &str) -> Option<ObjectId> {
        // `rev-parse` knows a language of its own; only names and beginnings of ids are meant.
        let plain = name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-+".contains(&b) || b >= 0x80);
        if !plain || name.contains("..") {
            return None;
        }
        let spec = format!("{name}^{{commit}}");
        let args = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &spec,
        ];
        let text = run(&self.path, &args).ok()?;
        ObjectId::from_hex(self.format, text.trim().as_bytes())
    }

    pub fn references(
        &self,
        folder: &str,
        limit: usize,
    ) -> Result<Vec<(String, ObjectId)>, String> {
        let count = format!("--count={limit}");
        let format = "--format=%(objectname) %(refname)";
        let text = run(&self.path, &["for-each-ref", &count, format, folder])?;
        Ok(text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(id, name)| {
                Some((
                    name.to_owned(),
                    ObjectId::from_hex(self.format, id.as_bytes())?,
                ))
            })
            .collect())
    }

    pub fn read(&self, id: ObjectId, kind: Kind, limit: usize) -> Result<Object, String> {
        let mut slot = self.running.borrow_mut();
        let running = match slot.as_mut() {
            Some(running) => running,
            None => slot.insert(start(&self.path)?),
        };
        let answer = running.read(id, kind, limit);
        if answer.is_err() {
            // Somewhere in the middle of an answer: the next question goes to a fresh one.
            *slot = None;
        }
        answer
    }
}

impl Running {
    fn read(&mut self, id: ObjectId, kind: Kind, limit: usize) -> Result<Object, String> {
        let broken = |error: std::io::Error| format!("git cat-file: {error}");
        writeln!(self.ask, "{id}").map_err(broken)?;
        let mut head = String::new();
        self.answers.read_line(&mut head).map_err(broken)?;
        let words: Vec<&str> = head.split_whitespace().collect();
        let (found, size) = match words.as_slice() {
            [_, found, size] => (*found, size.parse::<usize>().map_err(|e| e.to_string())?),
            _ => return Err(format!("git cat-file says {:?}", head.trim())),
        };
        let length = u64::try_from(size).map_err(|error| error.to_string())?;
        if found != kind.name() || size > limit {
            // The content and its line end.
            let mut rest = (&mut self.answers).take(length + 1);
            std::io::copy(&mut rest, &mut std::io::sink()).map_err(broken)?;
            return Ok(if found == kind.name() {
                Object::TooLarge
            } else {
                Object::OtherKind
            });
        }
        let mut content = Vec::with_capacity(size);
        let mut body = (&mut self.answers).take(length);
        body.read_to_end(&mut content).map_err(broken)?;
        let mut end = [0];
        self.answers.read_exact(&mut end).map_err(broken)?;
        if content.len() != size || end != *b"\n" {
            return Err("git cat-file stopped in the middle of an answer".to_owned());
        }
        let mut digest = Sha256::new();
        digest.update(format!("{} {size}\0", kind.name()));
        digest.update(&content);
        if digest.finalize().as_slice() != id.bytes() {
            return Err(format!(
                "the object {id} has another content than its id says"
            ));
        }
        Ok(Object::Content(content))
    }
}

fn start(path: &Path) -> Result<Running, String> {
    let mut child = command(path, &["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("git: {error}"))?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(ask), Some(answers)) => Ok(Running {
            child,
            ask,
            answers: BufReader::new(answers),
        }),
        _ => Err("git gives no answers".to_owned()),
    }
}

fn run(path: &Path, args: &[&str]) -> Result<String, String> {
    let output = command(path, args)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("git: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

/// Nothing of the caller's environment decides which objects are seen.
fn command(path: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.env_clear();
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // As with libgit2: the repository exactly there, not one above it.
    if let Some(above) = std::path::absolute(path)
        .ok()
        .as_deref()
        .and_then(Path::parent)
    {
        command.env("GIT_CEILING_DIRECTORIES", above);
    }
    command
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .arg("-C")
        .arg(path)
        // The one setting by which looking at files would start a program.
        .args(["-c", "core.fsmonitor=false"])
        .args(args);
    command
}
