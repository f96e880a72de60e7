//! The scenes, in order, each measured.

use super::content::{Content, ContentError, Users};
use crate::flow::apply::{Report, Reporter};
use crate::flow::back_up::{BackUpError, back_up};
use crate::flow::config::{Config, ConfigError};
use crate::flow::entry::{self, EntryError, Mode};
use crate::flow::estate::{EstateError, commit_signed};
use crate::flow::init::{InitError, init};
use crate::flow::reconcile::{PlanError, Reconciled, plan_now, reconcile};
use crate::flow::session::Session;
use crate::lab::{Lab, LabConfig, LabError};
use crate::model::ids::{MachineName, StackId};
use crate::model::journal::Event;
use crate::model::plan::Plan;
use crate::show::lab_estate::{self, STACK};
use crate::show::lab_progress::LabProgress;
use crate::show::views;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// How the demo is told.
pub struct Options {
    /// Where the estate is made; must be empty or absent.
    pub estate: PathBuf,
    /// The lab.
    pub lab: Lab,
    /// This program, for the lab's daemon.
    pub program: PathBuf,
}

/// A measured part of a scene.
#[derive(Debug, Clone, Serialize)]
pub struct Phase {
    /// Of what.
    pub name: String,
    /// Measured.
    pub seconds: f64,
}

/// One scene.
#[derive(Debug, Clone, Serialize)]
pub struct Scene {
    /// `install`, `rebuild`, `move`.
    pub name: String,
    /// From the loss (or from closing the old machine) until users can work again; `None` where nothing was lost.
    pub rto_seconds: Option<f64>,
    /// From the recovery point to the loss (or to closing).
    pub rpo_seconds: Option<f64>,
    /// Whether users and databases have the same as before; `None` where there is no before.
    pub equal: Option<bool>,
    /// Its parts.
    pub phases: Vec<Phase>,
    /// The table of steps with the critical path, for people.
    #[serde(skip)]
    pub table: String,
    /// What was compared, in words.
    #[serde(skip)]
    pub compared: Vec<String>,
}

/// How it ended.
#[derive(Debug, Clone, Serialize)]
pub struct Ending {
    /// Everything that was compared is equal.
    pub equal: bool,
    /// From the first word to the last, images and all.
    pub total_seconds: f64,
    /// Scenes in order.
    pub scenes: Vec<Scene>,
}

/// Why the story broke off.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// The lab.
    #[error("the lab")]
    Lab(#[from] LabError),
    /// A new estate.
    #[error("the estate could not be made")]
    Init(#[from] InitError),
    /// Its configuration.
    #[error("the estate's configuration")]
    Config(#[from] ConfigError),
    /// Reading it.
    #[error("the estate cannot be worked on")]
    Entry(#[from] EntryError),
    /// Writing to it.
    #[error("the commit could not be made")]
    Commit(#[from] EstateError),
    /// No plan.
    #[error("no plan")]
    Plan(#[from] PlanError),
    /// No backup.
    #[error("no recovery point")]
    BackUp(#[from] BackUpError),
    /// Content.
    #[error("content")]
    Content(#[from] ContentError),
    /// A file.
    #[error("{path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It did not come out as it should.
    #[error("{0}")]
    Wrong(String),
    /// By a person.
    #[error("stopped")]
    Stopped,
}

/// Hears the story while it happens.
pub trait Listener: Send + Sync {
    /// A new scene.
    fn scene(&self, title: &str);
    /// A sentence.
    fn say(&self, text: &str);
}

struct Teller<'a> {
    options: &'a Options,
    listener: &'a dyn Listener,
    reporter: Arc<dyn Reporter>,
    stop: &'a CancellationToken,
    scenes: Vec<Scene>,
}

/// Tells the whole story. Leaves the lab and the estate as they are at its end.
pub async fn tell(
    options: &Options,
    listener: &dyn Listener,
    reporter: Arc<dyn Reporter>,
    stop: &CancellationToken,
) -> Result<Ending, StoryError> {
    let begin = Instant::now();
    let mut teller = Teller {
        options,
        listener,
        reporter,
        stop,
        scenes: Vec::new(),
    };
    teller.found().await?;
    let before = teller.install().await?;
    teller.lose_and_rebuild(&before).await?;
    teller.move_away(&before).await?;
    Ok(Ending {
        equal: teller.scenes.iter().all(|scene| scene.equal != Some(false))
            && teller.scenes.iter().any(|scene| scene.equal == Some(true)),
        total_seconds: begin.elapsed().as_secs_f64(),
        scenes: teller.scenes,
    })
}

impl Teller<'_> {
    fn say(&self, text: impl AsRef<str>) {
        self.listener.say(text.as_ref());
    }

    fn going_on(&self) -> Result<(), StoryError> {
        if self.stop.is_cancelled() {
            return Err(StoryError::Stopped);
        }
        Ok(())
    }

    /// Three hosters with real machines, and a signed estate that names them.
    async fn found(&mut self) -> Result<(), StoryError> {
        let begin = Instant::now();
        self.listener.scene("A lab with three hosters");
        let progress = LabProgress::new();
        let config = LabConfig {
            program: self.options.program.clone(),
            images: vec!["debian-13".to_owned()],
            ..LabConfig::default()
        };
        let status = tokio::select! {
            up = self.options.lab.up(config, move |p| progress.show(&p)) => up?,
            () = self.stop.cancelled() => return Err(StoryError::Stopped),
        };
        let lab = Phase {
            name: "lab up".into(),
            seconds: begin.elapsed().as_secs_f64(),
        };
        let begin = Instant::now();
        self.listener.scene("A signed estate");
        let made = init(
            &self.options.estate,
            &lab_estate::options(&status, Some("demo".to_owned())),
        )?;
        let config = Config::load(&self.options.estate, None)?;
        self.options
            .lab
            .authorize(vec![entry::public_key(&config)?])
            .await?;
        self.say(format!(
            "{} holds {}, signed; root {}",
            self.options.estate.display(),
            "estate.toml trust.toml hosters.toml stacks/acme.toml secrets/",
            made.root.as_str().get(..12).unwrap_or_default()
        ));
        let estate = Phase {
            name: "estate".into(),
            seconds: begin.elapsed().as_secs_f64(),
        };
        self.scenes.push(Scene {
            name: "begin".into(),
            rto_seconds: None,
            rpo_seconds: None,
            equal: None,
            phases: vec![lab, estate],
            table: String::new(),
            compared: Vec::new(),
        });
        self.going_on()
    }

    async fn session(&self, mode: Mode) -> Result<Arc<Session>, StoryError> {
        let config = Config::load(&self.options.estate, None)?;
        Ok(entry::open(&config, mode).await?)
    }

    /// From the commit to a customer that works, and content as users write it.
    async fn install(&mut self) -> Result<Content, StoryError> {
        self.listener
            .scene("Plan and apply: from the signed commit to a running customer");
        let session = self.session(Mode::Write).await?;
        let plan = plan_now(&session).await?;
        self.say(views::plan::human(plan.plan.plan()).trim_end());
        let (done, mut phases) = self.reconcile(&session).await?;
        self.listener.scene("Users write");
        let begin = Instant::now();
        let users = Users::of(&session);
        for (host, written) in users.write().await? {
            self.say(format!(
                "{host}: {} pages, {} revisions, {} bytes uploaded in {:.1} s",
                written.pages, written.revisions, written.upload_bytes, written.seconds
            ));
        }
        phases.push(phase("users write", begin));
        let machine = writer(&session).await?;
        let before = users.look(&machine).await?;
        self.going_on()?;
        self.listener
            .scene("A recovery point, read back from the other hoster");
        let begin = Instant::now();
        let stack = StackId::new(STACK);
        let report = back_up(&session, &stack, self.reporter.clone(), self.stop).await?;
        if !report.complete() {
            return Err(StoryError::Wrong(format!(
                "the backup did not end well\n{}",
                views::run::table(&report)
            )));
        }
        phases.push(phase("backup", begin));
        self.scenes.push(Scene {
            name: "install".into(),
            rto_seconds: None,
            rpo_seconds: None,
            equal: None,
            phases,
            table: tables(&done),
            compared: Vec::new(),
        });
        Ok(before)
    }

    /// Power loss, the disk gone; one command brings the customer back.
    async fn lose_and_rebuild(&mut self, before: &Content) -> Result<(), StoryError> {
        let session = self.session(Mode::Write).await?;
        let machine = writer(&session).await?;
        self.listener
            .scene(&format!("3 a.m.: {machine} loses power, its disk is gone"));
        self.options.lab.destroy(machine.as_str()).await?;
        let lost_at = Timestamp::now();
        self.say("holdfast reconcile --once");
        let (done, phases) = self.reconcile(&session).await?;
        let scene = Scene {
            name: "rebuild".into(),
            rto_seconds: Some(back_after(&session, lost_at).await?),
            rpo_seconds: Some(data_lost(&session, lost_at).await?),
            equal: None,
            phases,
            table: tables(&done),
            compared: Vec::new(),
        };
        self.compare(&session, before, scene).await
    }

    /// One line in Git; the customer moves.
    async fn move_away(&mut self, before: &Content) -> Result<(), StoryError> {
        self.listener
            .scene("One signed line: production moves from hetzner to ionos");
        let path = format!("stacks/{STACK}.toml");
        let full = self.options.estate.join(&path);
        let text = read(&full)?;
        let moved = text.replacen("hoster = \"hetzner\"", "hoster = \"ionos\"", 1);
        let changes = BTreeMap::from([(path, Some(moved.into_bytes()))]);
        let commit = commit_signed(&self.options.estate, "Move ACME to ionos\n", &changes)?;
        self.say(format!(
            "-hoster = \"hetzner\"\n+hoster = \"ionos\"\ncommit {}",
            commit.as_str().get(..12).unwrap_or_default()
        ));
        let session = self.session(Mode::Write).await?;
        let (done, phases) = self.reconcile(&session).await?;
        let closed = closed_at(&session).await?;
        let scene = Scene {
            name: "move".into(),
            rto_seconds: Some(back_after(&session, closed).await?),
            rpo_seconds: Some(data_lost(&session, closed).await?),
            equal: None,
            phases,
            table: tables(&done),
            compared: Vec::new(),
        };
        self.compare(&session, before, scene).await
    }

    async fn compare(
        &mut self,
        session: &Arc<Session>,
        before: &Content,
        mut scene: Scene,
    ) -> Result<(), StoryError> {
        let begin = Instant::now();
        let machine = writer(session).await?;
        let after = Users::of(session).look(&machine).await?;
        scene.phases.push(phase("compare", begin));
        let differences = before.differences(&after);
        scene.equal = Some(differences.is_empty());
        for (host, fingerprint) in &before.seen {
            let now = after
                .seen
                .get(host)
                .map(super::visitor::Fingerprint::digest);
            scene.compared.push(format!(
                "{host}: {} pages, revisions and files; digest {} before, {} after",
                fingerprint.len(),
                short(&fingerprint.digest()),
                now.as_deref().map_or("none", short)
            ));
        }
        scene.compared.push(format!(
            "database rows: {} before, {} after",
            before.rows(),
            after.rows()
        ));
        scene
            .compared
            .extend(differences.iter().map(|d| format!("DIFFERS {d}")));
        for line in &scene.compared {
            self.say(line);
        }
        self.scenes.push(scene);
        self.going_on()
    }

    async fn reconcile(
        &self,
        session: &Arc<Session>,
    ) -> Result<(Reconciled, Vec<Phase>), StoryError> {
        let begin = Instant::now();
        let listener = self.listener;
        let on_plan = |plan: &Plan| listener.say(&views::plan::headline(plan));
        let done = reconcile(session, None, &self.reporter, self.stop, on_plan).await?;
        self.going_on()?;
        let empty = done
            .left
            .as_ref()
            .is_some_and(|p| p.steps.is_empty() && p.held.is_empty());
        if !empty {
            let left = done
                .left
                .as_ref()
                .map(views::plan::human)
                .unwrap_or_default();
            return Err(StoryError::Wrong(format!(
                "something is left to do\n{}\n{left}",
                tables(&done)
            )));
        }
        let mut phases: Vec<Phase> = done
            .reports
            .iter()
            .flat_map(|report| &report.steps)
            .map(|record| Phase {
                name: record.step.id.to_string(),
                seconds: record.took.as_secs_f64(),
            })
            .collect();
        phases.push(phase("reconcile, in all", begin));
        Ok((done, phases))
    }
}

fn phase(name: &str, begin: Instant) -> Phase {
    Phase {
        name: name.to_owned(),
        seconds: begin.elapsed().as_secs_f64(),
    }
}

fn tables(done: &Reconciled) -> String {
    let tables: Vec<String> = done
        .reports
        .iter()
        .filter(|report: &&Report| !report.steps.is_empty())
        .map(views::run::table)
        .collect();
    tables.join("\n\n")
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn read(path: &Path) -> Result<String, StoryError> {
    std::fs::read_to_string(path).map_err(|source| StoryError::File {
        path: path.to_owned(),
        source,
    })
}

/// The machine that users were last let into.
async fn writer(session: &Session) -> Result<MachineName, StoryError> {
    let past = session.history().await.map_err(PlanError::from)?;
    let writer = past.writers.get(&StackId::new(STACK));
    writer
        .map(|(_, machine)| machine.clone())
        .ok_or_else(|| StoryError::Wrong("nobody was let in".into()))
}

/// Seconds from `lost` until users could work again: let in, and every name pointed there.
async fn back_after(session: &Session, lost: Timestamp) -> Result<f64, StoryError> {
    let entries = session.entries().await.map_err(PlanError::from)?;
    entries
        .iter()
        .filter(|entry| entry.at >= lost)
        .filter(|entry| matches!(entry.event, Event::Opened { .. } | Event::Named { .. }))
        .map(|entry| entry.at.duration_since(lost).as_secs_f64())
        .max_by(f64::total_cmp)
        .ok_or_else(|| StoryError::Wrong("users were not let in again".into()))
}

/// Seconds between the point that the open machine was restored from and `lost`;
/// 0 when the point was taken after users were shut out.
async fn data_lost(session: &Arc<Session>, lost: Timestamp) -> Result<f64, StoryError> {
    let entries = session.entries().await.map_err(PlanError::from)?;
    let point = entries
        .iter()
        .rev()
        .find_map(|entry| match &entry.event {
            Event::Opened { point, .. } => point.clone(),
            _ => None,
        })
        .ok_or_else(|| {
            StoryError::Wrong("the open machine was not restored from a point".into())
        })?;
    let listing = crate::flow::points::list(session, &StackId::new(STACK))
        .await
        .map_err(PlanError::from)?
        .map_err(|gap| StoryError::Wrong(gap.to_string()))?;
    let taken = listing
        .points
        .iter()
        .find(|p| p.id == point)
        .ok_or_else(|| StoryError::Wrong(format!("point {point} is not listed")))?;
    Ok(lost.duration_since(taken.taken_at).as_secs_f64().max(0.0))
}

/// When the old machine of the last move was closed.
async fn closed_at(session: &Session) -> Result<Timestamp, StoryError> {
    let entries = session.entries().await.map_err(PlanError::from)?;
    entries
        .iter()
        .rev()
        .find(|entry| matches!(entry.event, Event::Closed { .. }))
        .map(|entry| entry.at)
        .ok_or_else(|| StoryError::Wrong("the old machine was never closed".into()))
}
