//! Live progress on standard error: which step runs, in which phase, for how long.

use crate::flow::apply::{Reporter, StepError};
use crate::model::causes::chain;
use crate::model::ids::StepId;
use crate::model::plan::Step;
use crate::model::visible::visible;
use crate::show::say::errln;
use crate::show::views::plan::describe;
use crate::show::views::run::seconds;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A line per running step on a terminal, a line per event elsewhere.
pub struct Progress {
    begin: Instant,
    bars: Option<MultiProgress>,
    running: Mutex<BTreeMap<StepId, ProgressBar>>,
    notes: Mutex<BTreeMap<StepId, String>>,
}

impl Progress {
    /// Looks whether standard error is a terminal.
    pub fn new() -> Self {
        Self {
            begin: Instant::now(),
            bars: std::io::stderr().is_terminal().then(MultiProgress::new),
            running: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    fn line(&self, text: &str) {
        self.say(&format!("{:>8}  {text}", seconds(self.begin.elapsed())));
    }

    /// A line between the running ones.
    pub fn say(&self, line: &str) {
        let line = visible(line);
        match &self.bars {
            Some(bars) => {
                // A terminal that went away is no reason to stop.
                let _ = bars.println(&line);
            }
            None => errln!("{line}"),
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Reporter for Progress {
    fn started(&self, step: &Step) {
        let Some(bars) = &self.bars else {
            self.line(&format!("…    {}", describe(step)));
            return;
        };
        let bar = bars.add(ProgressBar::new_spinner());
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {elapsed:>5}  {prefix}  {msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(visible(&describe(step)).into_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        lock(&self.running).insert(step.id.clone(), bar);
    }

    fn note(&self, step: &Step, text: &str) {
        if let Some(bar) = lock(&self.running).get(&step.id) {
            bar.set_message(visible(text).into_owned());
            return;
        }
        let news = lock(&self.notes)
            .insert(step.id.clone(), text.to_owned())
            .as_deref()
            != Some(text);
        if news {
            self.line(&format!("     {}: {text}", step.id));
        }
    }

    fn ended(&self, step: &Step, result: &Result<(), StepError>, took: Duration) {
        if let Some(bar) = lock(&self.running).remove(&step.id) {
            bar.finish_and_clear();
        }
        match result {
            Ok(()) => self.line(&format!("ok   {}  ({})", describe(step), seconds(took))),
            Err(error) => self.line(&format!(
                "FAIL {}  ({})\n          {}",
                describe(step),
                seconds(took),
                chain(error)
            )),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
