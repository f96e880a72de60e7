//! A machine loses its power and its disk under a running loop: how long until it is decided that
//! it is rebuilt, and which rule took what share of it, by the journal's own times.

use super::{Running, Stage};
use serde_json::Value;
use std::time::Duration;

/// Seconds.
pub struct PowerLoss {
    /// Until somebody looked.
    pub looked: f64,
    /// Until switching it on was tried, and did not help.
    pub tried: f64,
    /// What was left of the silence that is waited for, and the last look.
    pub waited: f64,
    /// From the decision until users got in again.
    pub served: f64,
}

impl PowerLoss {
    /// From the loss to the decision.
    pub fn decided(&self) -> f64 {
        self.looked + self.tried + self.waited
    }
}

impl Stage {
    /// Destroys a machine of the stack `notes` while `holdfast run` watches, and waits until
    /// users get in to the next.
    #[track_caller]
    pub fn lose_power(&mut self, machine: &str, next: &str) -> PowerLoss {
        let running = self.start(&["run"]);
        std::thread::sleep(Duration::from_secs(8));
        let lost = now();
        self.lab(&["destroy", machine]).exits(0);
        self.until_served(next);
        let served = now();
        self.end_in_order(running);
        let told = self.told("notes");
        let silent = when(&told, lost, "fell silent");
        let tried = when(&told, lost, "could not be switched on");
        let decided = when(&told, lost, &format!("create {next}"));
        PowerLoss {
            looked: silent - lost,
            tried: tried - silent,
            waited: decided - tried,
            served: served - decided,
        }
    }

    /// Ends a loop, as systemd does.
    pub fn end_in_order(&mut self, running: Running) {
        let running = running.terminate();
        self.end(running).exits(0);
    }

    /// What the journal tells of a stack, as texts with their times.
    fn told(&mut self, stack: &str) -> Vec<(f64, String)> {
        let log = self.holdfast(&["log", stack, "--format", "json"]);
        let log = log.exits(0).json();
        let all = log["entries"].as_array().or_else(|| log["told"].as_array());
        let all = all.unwrap_or_else(|| panic!("{log:#}"));
        let at = |entry: &Value| -> f64 {
            let at: jiff::Timestamp = entry["at"].as_str().unwrap().parse().unwrap();
            at.as_duration().as_secs_f64()
        };
        all.iter()
            .map(|entry| (at(entry), entry["text"].as_str().unwrap().to_owned()))
            .collect()
    }
}

fn now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}

/// The first entry after this moment that holds these words.
#[track_caller]
fn when(told: &[(f64, String)], after: f64, words: &str) -> f64 {
    let found = told
        .iter()
        .find(|(at, text)| *at >= after && text.contains(words));
    found.unwrap_or_else(|| panic!("{words}: {told:#?}")).0
}
