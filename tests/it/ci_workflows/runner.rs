//! Runs the jobs of a workflow file as the forge's own runner would, without a container.

use super::{Kind, forge};
use serde_norway::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The facts of one run.
pub struct Setting {
    pub server: String,
    pub api: String,
    pub head: String,
    pub root: String,
    pub tool_url: String,
    pub tool_sha256: String,
}

pub struct Workflow {
    kind: Kind,
    jobs: Vec<Job>,
}

struct Job {
    name: String,
    outputs: BTreeMap<String, String>,
    steps: Vec<Step>,
}

struct Step {
    id: Option<String>,
    env: BTreeMap<String, String>,
    script: String,
}

/// What came of each job: how many steps ran, whether all ended well, and what they printed.
#[derive(Default)]
pub struct Outcome {
    jobs: BTreeMap<String, (usize, bool)>,
    log: String,
}

impl Outcome {
    pub fn ended_well(&self, job: &str) -> bool {
        self.jobs.get(job).is_some_and(|(_, well)| *well)
    }
    pub fn steps_run(&self, job: &str) -> usize {
        self.jobs.get(job).map_or(0, |(steps, _)| *steps)
    }
    pub fn log(&self) -> &str {
        &self.log
    }
}

impl Workflow {
    pub fn read(kind: Kind, text: &str) -> Self {
        let file: Value = serde_norway::from_str(text).unwrap();
        let jobs = match kind {
            Kind::GitLab => gitlab_jobs(&file),
            Kind::GitHub | Kind::Forgejo => github_jobs(&file),
        };
        assert!(jobs.len() == 2, "a job that plans and a job that comments");
        Self { kind, jobs }
    }

    pub fn scripts(&self) -> impl Iterator<Item = &str> {
        self.jobs
            .iter()
            .flat_map(|job| &job.steps)
            .map(|step| step.script.as_str())
    }

    /// All jobs, the later ones even when an earlier one failed, each in an empty folder.
    pub fn run(&self, setting: &Setting) -> Outcome {
        let mut outcome = Outcome::default();
        let mut facts = facts(setting);
        let artefacts = tempfile::tempdir().unwrap();
        for job in &self.jobs {
            let dir = tempfile::tempdir().unwrap();
            let mut path = std::env::var("PATH").unwrap();
            let mut ran = (0, true);
            for step in &job.steps {
                let output_file = dir.path().join("GITHUB_OUTPUT");
                fs::write(&output_file, "").unwrap();
                let mut command = Command::new("bash");
                command.args([
                    "--noprofile",
                    "--norc",
                    "-eo",
                    "pipefail",
                    "-c",
                    &step.script,
                ]);
                command
                    .env_clear()
                    .env("PATH", &path)
                    .env("HOME", dir.path());
                command.env("LC_ALL", "C.UTF-8");
                let work = dir.path().join("work");
                fs::create_dir_all(&work).unwrap();
                command.current_dir(&work).stdin(Stdio::null());
                match self.kind {
                    Kind::GitLab => {
                        command.envs(gitlab_variables(setting, &work));
                        copy(
                            &artefacts.path().join("comment.md"),
                            &work.join("comment.md"),
                        );
                    }
                    Kind::GitHub | Kind::Forgejo => {
                        for name in [
                            "GITHUB_OUTPUT",
                            "GITHUB_PATH",
                            "GITHUB_STEP_SUMMARY",
                            "RUNNER_TEMP",
                        ] {
                            command.env(name, dir.path().join(name));
                        }
                        fs::create_dir_all(dir.path().join("RUNNER_TEMP")).unwrap();
                    }
                }
                for (name, value) in &step.env {
                    command.env(name, filled(value, &facts));
                }
                let output = command.output().unwrap();
                outcome.log += &String::from_utf8_lossy(&output.stdout);
                outcome.log += &String::from_utf8_lossy(&output.stderr);
                ran = (ran.0 + 1, output.status.success());
                if let Ok(more) = fs::read_to_string(dir.path().join("GITHUB_PATH")) {
                    path = more.lines().fold(path, |path, dir| format!("{dir}:{path}"));
                    let _ = fs::remove_file(dir.path().join("GITHUB_PATH"));
                }
                if let Some(id) = &step.id {
                    for (name, value) in outputs(&fs::read_to_string(&output_file).unwrap()) {
                        facts.insert(format!("steps.{id}.outputs.{name}"), value);
                    }
                }
                if !ran.1 {
                    break;
                }
            }
            copy(
                &dir.path().join("work/comment.md"),
                &artefacts.path().join("comment.md"),
            );
            for (name, value) in &job.outputs {
                // What a step did not come to is empty, as on a forge.
                let key = value
                    .trim()
                    .trim_start_matches("${{")
                    .trim_end_matches("}}")
                    .trim();
                let value = facts.get(key).cloned().unwrap_or_default();
                facts.insert(format!("needs.{}.outputs.{name}", job.name), value);
            }
            outcome.jobs.insert(job.name.clone(), ran);
        }
        outcome
    }
}

fn copy(from: &Path, to: &Path) {
    if from.exists() {
        fs::copy(from, to).unwrap();
    }
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let Some(map) = value.as_mapping() else {
        return BTreeMap::new();
    };
    map.iter()
        .map(|(key, value)| {
            (
                key.as_str().unwrap().to_owned(),
                value.as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

fn github_jobs(file: &Value) -> Vec<Job> {
    let jobs = file["jobs"].as_mapping().unwrap();
    jobs.iter()
        .map(|(name, job)| {
            if let Some(condition) = job["if"].as_str() {
                assert!(condition.contains("!cancelled()"), "{condition}");
            }
            let steps = job["steps"].as_sequence().unwrap();
            Job {
                name: name.as_str().unwrap().to_owned(),
                outputs: texts(&job["outputs"]),
                steps: steps
                    .iter()
                    .map(|step| Step {
                        id: step["id"].as_str().map(str::to_owned),
                        env: texts(&step["env"]),
                        script: step["run"].as_str().expect("a shell step").to_owned(),
                    })
                    .collect(),
            }
        })
        .collect()
}

/// A job's script is one shell, its lines one after the other.
fn gitlab_jobs(file: &Value) -> Vec<Job> {
    let map = file.as_mapping().unwrap();
    map.iter()
        .filter(|(_, job)| !job["script"].is_null())
        .map(|(name, job)| {
            let lines = job["script"].as_sequence().unwrap();
            let lines: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
            Job {
                name: name
                    .as_str()
                    .unwrap()
                    .trim_start_matches("holdfast:")
                    .to_owned(),
                outputs: BTreeMap::new(),
                steps: vec![Step {
                    id: None,
                    env: texts(&job["variables"]),
                    script: lines.join("\n"),
                }],
            }
        })
        .collect()
}

fn facts(setting: &Setting) -> BTreeMap<String, String> {
    [
        ("github.token", forge::TOKEN),
        ("github.server_url", &setting.server),
        ("github.repository", "acme/estate.git"),
        ("github.api_url", &setting.api),
        ("github.event.pull_request.number", "7"),
        ("github.event.pull_request.head.sha", &setting.head),
        ("github.event.pull_request.base.ref", "main"),
        ("vars.HOLDFAST_ROOT", &setting.root),
        ("vars.HOLDFAST_URL", &setting.tool_url),
        ("vars.HOLDFAST_SHA256", &setting.tool_sha256),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

fn gitlab_variables(setting: &Setting, dir: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("CI_PROJECT_DIR", dir.display().to_string()),
        ("CI_PROJECT_URL", format!("{}/acme/estate", setting.server)),
        ("CI_PROJECT_ID", "42".into()),
        ("CI_API_V4_URL", setting.api.clone()),
        ("CI_JOB_TOKEN", forge::TOKEN.into()),
        ("CI_COMMIT_SHA", setting.head.clone()),
        ("CI_MERGE_REQUEST_IID", "7".into()),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main".into()),
        ("HOLDFAST_ROOT", setting.root.clone()),
        ("HOLDFAST_URL", setting.tool_url.clone()),
        ("HOLDFAST_SHA256", setting.tool_sha256.clone()),
        ("HOLDFAST_COMMENT_TOKEN", forge::TOKEN.into()),
    ]
}

/// Every expression is replaced; one that is not known here is a mistake in the file.
fn filled(text: &str, facts: &BTreeMap<String, String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, more)) = rest.split_once("${{") {
        let (expression, after) = more.split_once("}}").expect("an end of the expression");
        let value = facts.get(expression.trim());
        filled += before;
        filled += value.unwrap_or_else(|| panic!("nothing is known of {expression}"));
        rest = after;
    }
    // The forge's variables are one repository's, whose address has no `.git`.
    (filled + rest).replace("/acme/estate.git/issues", "/acme/estate/issues")
}

/// `name<<END`, lines, `END`; or `name=value`.
fn outputs(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((name, end)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            found.push((name.to_owned(), value.join("\n")));
        } else if let Some((name, value)) = line.split_once('=') {
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    found
}
