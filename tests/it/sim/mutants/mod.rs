//! What the simulated world is worth: with any single guard taken out, a seed must end badly.
//!
//! A guard that nobody would miss is either none, or a fault or an invariant is missing here.
//! The guards are listed in `list`; the patches are applied to a copy of the tree, all at once,
//! each behind a switch that only the copy has, so that one build holds them all.

mod list;

use list::{MUTANTS, Mutant};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// A text with one guard in it: what stands before it, it, what stands behind it.
fn parts(text: &str) -> (&str, &str, &str) {
    let (before, rest) = text.split_once('«').expect(text);
    let (guard, behind) = rest.split_once('»').expect(text);
    (before, guard, behind)
}

/// Where the guard stands in a source. The error says how often its text is there.
fn place(source: &str, text: &str) -> Result<Range<usize>, usize> {
    let (before, guard, behind) = parts(text);
    let whole = format!("{before}{guard}{behind}");
    let times = source.matches(&whole).count();
    let at = source.find(&whole).filter(|_| times == 1).ok_or(times)?;
    let begin = at + before.len();
    Ok(begin..begin + guard.len())
}

/// The source with each guard behind a switch.
fn switched(source: &str, guards: &BTreeMap<(usize, usize), Vec<(&str, &str)>>) -> String {
    let mut text = String::new();
    let mut done = 0;
    for ((begin, end), ways) in guards {
        assert!(done <= *begin, "guards overlap: {ways:?}");
        let guard = &source[*begin..*end];
        text.push_str(&source[done..*begin]);
        // A statement stands for itself; an expression may stand among others.
        let statement = guard.ends_with(';');
        text.push_str(if statement { "" } else { "(" });
        for (name, without) in ways {
            let _ = write!(text, "if crate::without({name:?}) {{ {without} }} else ");
        }
        let _ = write!(text, "{{ {guard} }}");
        text.push_str(if statement { "" } else { ")" });
        done = *end;
    }
    text.push_str(&source[done..]);
    text
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_guard_of_the_list_is_where_it_was() {
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for mutant in MUTANTS {
        assert!(names.insert(mutant.name), "{} stands twice", mutant.name);
        for (file, text, _) in mutant.patches {
            let source = std::fs::read_to_string(root().join("src").join(file)).expect(file);
            if let Err(times) = place(&source, text) {
                wrong.push(format!("{}: {times} times in {file}: {text}", mutant.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let rules: BTreeSet<&str> = MUTANTS.iter().map(|mutant| mutant.rule).collect();
    assert!(MUTANTS.len() >= 20, "{} guards of {rules:?}", MUTANTS.len());
}

/// A copy of the tree whose guards have switches, and the tests' binary built from it.
struct Copy {
    tree: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn make() -> Self {
        let debug = Path::new(env!("CARGO_BIN_EXE_holdfast")).parent().unwrap();
        let base = debug.parent().unwrap().join("mutants");
        let copy = Self {
            tree: base.join("tree"),
            target: base.join("target"),
        };
        let kept = copy_tree(&root(), &copy.tree, &["target", ".git", "fuzz"]);
        assert!(kept > 0);
        for folder in ["deps", "build", ".fingerprint"] {
            prime(&debug.join(folder), &copy.target.join("debug").join(folder));
        }
        copy
    }

    fn patch(&self) {
        let mut files: BTreeSet<&str> = BTreeSet::new();
        let patches = || MUTANTS.iter().flat_map(|mutant| mutant.patches.iter());
        files.extend(patches().map(|(file, ..)| *file));
        for file in files {
            let source = std::fs::read_to_string(root().join("src").join(file)).unwrap();
            let mut guards: BTreeMap<(usize, usize), Vec<(&str, &str)>> = BTreeMap::new();
            for mutant in MUTANTS {
                for (_, text, without) in mutant.patches.iter().filter(|(of, ..)| *of == file) {
                    let at = place(&source, text).unwrap_or_else(|n| panic!("{text}: {n} times"));
                    let ways = guards.entry((at.start, at.end)).or_default();
                    ways.push((mutant.name, without));
                }
            }
            let patched = switched(&source, &guards);
            write_if_new(&self.tree.join("src").join(file), patched.as_bytes());
        }
        let mut lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
        lib.push_str(
            "\n/// Whether this guard is taken out.\npub fn without(name: &str) -> bool {\n    \
             static OUT: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();\n    \
             OUT.get_or_init(|| std::env::var(\"HOLDFAST_WITHOUT\").ok()).as_deref() == Some(name)\n}\n",
        );
        write_if_new(&self.tree.join("src/lib.rs"), lib.as_bytes());
    }

    fn build(&self) -> PathBuf {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let ran = Command::new(cargo)
            .args(["test", "--locked", "--no-run", "--test", "it"])
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{said}");
        let lines = String::from_utf8(ran.stdout).unwrap();
        let messages = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let mut messages = messages.filter(|message: &serde_json::Value| {
            message["target"]["name"] == "it" && message["executable"].is_string()
        });
        let built = messages.next().expect("nothing was built");
        PathBuf::from(built["executable"].as_str().unwrap())
    }
}

/// Copies what differs, so that only that is built again; gives how many files there are.
fn copy_tree(from: &Path, to: &Path, but: &[&str]) -> usize {
    std::fs::create_dir_all(to).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if but.iter().any(|but| name == *but) {
            continue;
        }
        let (path, target) = (entry.path(), to.join(&name));
        if path.is_dir() {
            count += copy_tree(&path, &target, &[]);
        } else if !is_patched(&path) {
            write_if_new(&target, &std::fs::read(&path).unwrap());
            let mode = std::fs::metadata(&path).unwrap().permissions();
            std::fs::set_permissions(&target, mode).unwrap();
            count += 1;
        }
    }
    count
}

fn is_patched(path: &Path) -> bool {
    let Ok(path) = path.strip_prefix(root().join("src")) else {
        return false;
    };
    let mut all = MUTANTS.iter().flat_map(|mutant| mutant.patches.iter());
    path == Path::new("lib.rs") || all.any(|(file, ..)| path == Path::new(file))
}

fn write_if_new(path: &Path, bytes: &[u8]) {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return;
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// What others wrote is built already: hard links, except of what is built from this tree.
fn prime(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).into_iter().flatten() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let own = name.to_string_lossy();
        let own = [
            "holdfast",
            "libholdfast",
            "it-",
            "e2e-",
            "decide-",
            "commands-",
        ]
        .iter()
        .any(|mine| own.starts_with(mine));
        let target = to.join(&name);
        if own || target.exists() && !entry.path().is_dir() {
            continue;
        }
        if entry.path().is_dir() {
            prime(&entry.path(), &target);
        } else {
            // On another file system it is built once more.
            let _ = std::fs::hard_link(entry.path(), &target);
        }
    }
}

/// How a life without a guard ended.
enum Ended {
    /// In the words of the invariant, and at which seed or story.
    Noticed(String),
    Unnoticed,
}

fn live_without(binary: &Path, mutant: Option<&Mutant>, seeds: u64) -> Ended {
    let run = |tests: &str| {
        Command::new(binary)
            .args([tests, "--exact", "--nocapture"])
            .current_dir(root())
            .env("HOLDFAST_WITHOUT", mutant.map_or("", |mutant| mutant.name))
            .env("HOLDFAST_SEEDS", seeds.to_string())
            .env_remove("HOLDFAST_SEED")
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap()
    };
    let ran = run("sim::tests::seeds_of_trouble_end_well");
    if ran.status.success() {
        return Ended::Unnoticed;
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let mut lines = said.lines();
    let told = lines.clone().find(|line| line.contains("HOLDFAST_SEED="));
    // The code itself may miss its guard.
    let panicked = || lines.find(|line| line.contains("panicked at"));
    let words = told.or_else(panicked).unwrap_or("it died");
    let words = words.split(": HOLDFAST_SEED").next().unwrap_or_default();
    Ended::Noticed(words.to_owned())
}

/// How many seeds a guard must be missed in.
const SEEDS: u64 = 2000;

#[test]
#[ignore = "minutes; make mutants"]
fn without_any_single_guard_a_seed_ends_badly() {
    let wanted = std::env::var("HOLDFAST_MUTANTS").unwrap_or_default();
    let seeds = super::tests::number("HOLDFAST_SEEDS").unwrap_or(SEEDS);
    let chosen: Vec<&Mutant> = MUTANTS
        .iter()
        .filter(|mutant| mutant.name.contains(&wanted) || mutant.rule == wanted)
        .collect();
    let began = Instant::now();
    let copy = Copy::make();
    copy.patch();
    let binary = copy.build();
    eprintln!("built after {:.0} s", began.elapsed().as_secs_f64());
    if let Ended::Noticed(words) = live_without(&binary, None, 100) {
        panic!("with all guards: {words}");
    }
    let mut survived = String::new();
    for mutant in chosen {
        let began = Instant::now();
        let ended = live_without(&binary, Some(mutant), seeds);
        let took = began.elapsed().as_secs_f64();
        let words = match ended {
            Ended::Noticed(words) => words,
            Ended::Unnoticed => {
                let _ = writeln!(survived, "{} {}", mutant.rule, mutant.name);
                format!("NOBODY MISSED IT in {seeds} seeds")
            }
        };
        eprintln!("{:4} {}: {words} ({took:.0} s)", mutant.rule, mutant.name);
    }
    assert!(survived.is_empty(), "nobody missed:\n{survived}");
}
