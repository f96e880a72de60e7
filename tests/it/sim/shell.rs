//! The way onto machines: what a script is told, what it answers, and what becomes of both on
//! the way.

use super::state::{Late, Server, State};
use super::{Sim, machine, vault};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast::model::ids::MachineName;
use holdfast::model::machine::Role;
use holdfast::model::secret::Secret;
use holdfast::world::machine::{Answered, Contact, MachineError, Script, Transport};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;

/// A script's own word that it did nothing, or not all: code and message.
pub struct Refused(pub &'static str, pub String);

pub type Answer = Result<Vec<Value>, Refused>;

pub fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(code, message.into()))
}

/// Lines on standard input: words between tabs.
pub struct Input<'a>(Vec<Vec<&'a str>>);

impl<'a> Input<'a> {
    pub fn read(text: &'a str) -> Self {
        Self(
            text.lines()
                .map(|line| line.split('\t').collect())
                .collect(),
        )
    }

    pub fn of(&self, kind: &str) -> impl Iterator<Item = &[&'a str]> {
        let lines = self.0.iter().filter(move |line| line[0] == kind);
        lines.map(|line| &line[1..])
    }

    pub fn all(&self) -> impl Iterator<Item = &[&'a str]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// The first word of the first line of this kind.
    pub fn word(&self, kind: &str) -> &'a str {
        self.of(kind).next().map_or("", |words| words[0])
    }

    pub fn words(&self, kind: &str) -> Vec<String> {
        self.of(kind).map(|words| words[0].to_owned()).collect()
    }

    /// The same where it travels as base64.
    pub fn text(&self, kind: &str) -> String {
        decode(self.word(kind))
    }
}

pub fn decode(text: &str) -> String {
    let text = if text == "-" { "" } else { text };
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

/// What happens to a call on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Well,
    /// Nothing was done, and that is known.
    Refused,
    /// Nothing was done, and nobody knows.
    LostBefore,
    /// All was done, and nobody knows.
    LostAfter,
    /// It will be done, when nobody waits for it any more.
    LostBehind,
}

impl State {
    pub fn fate(&mut self, per_mille: u64) -> Fate {
        if !self.dice.happens(per_mille) {
            return Fate::Well;
        }
        match self.dice.below(4) {
            0 => Fate::Refused,
            1 => Fate::LostBefore,
            2 => Fate::LostAfter,
            _ => Fate::LostBehind,
        }
    }

    /// Runs a script where that address answers.
    pub fn run(&mut self, at: usize, script: &str, input: &str) -> Answer {
        let name = self.servers[at].called();
        let answer = if vault::SCRIPTS.contains(&script) {
            vault::run(self, at, script, &Input::read(input))
        } else {
            machine::run(self, at, script, &Input::read(input))
        };
        match &answer {
            Ok(_) if !reads(script) => self.say(&format!("{name}: {script}")),
            Ok(_) => {}
            Err(Refused(code, why)) => self.say(&format!("{name}: {script}: {code}: {why}")),
        }
        answer
    }
}

/// Scripts that only look.
pub fn reads(script: &str) -> bool {
    matches!(
        script,
        "facts"
            | "points"
            | "keys"
            | "vault"
            | "verified"
            | "anchor-read"
            | "pool-facts"
            | "proofs"
            | "evidence-list"
            | "undeclared"
            | "content"
            | "check"
            | "rescue-prove"
    )
}

/// From the first word to the last, in milliseconds; as often half or twice as long.
fn takes(script: &str) -> u64 {
    match script {
        "prepare" => 15_000,
        "install" => 40_000,
        "take" | "take-cold" | "fetch" | "load" | "copy" | "read-back" | "verify" => 20_000,
        "initialise" | "start" | "converge" | "check" | "isolate" | "reboot" => 4_000,
        _ => 100,
    }
}

fn unreachable(machine: &MachineName) -> MachineError {
    MachineError::Unreachable {
        machine: machine.clone(),
        detail: "no route".into(),
    }
}

#[async_trait]
impl Transport for Sim {
    async fn host_key(&self, contact: &Contact) -> Result<String, MachineError> {
        self.pause(Duration::from_millis(50)).await;
        let state = self.state();
        let now = state.now;
        let mut all = state.servers.iter();
        let found = all.find(|s| s.address == contact.address && s.answers(now));
        let found = found.ok_or_else(|| unreachable(&contact.machine))?;
        Ok(found.shows().to_owned())
    }

    async fn run(&self, contact: &Contact, script: Script, input: &Secret) -> Answered {
        let machine = &contact.machine;
        let (fate, begins, lasts, sent) = {
            let mut state = self.state();
            let state = &mut *state;
            let lasts = takes(script.name);
            let lasts = state.dice.between(lasts / 2, lasts * 2);
            let lasts = match &state.slow {
                Some((slow, name, most)) if *slow == machine.as_str() && *name == script.name => {
                    *most
                }
                _ => lasts,
            };
            let begins = state.dice.between(1, 20);
            state.perhaps_cut(contact);
            (state.fate(state.faults.calls), begins, lasts, state.now)
        };
        self.pause(Duration::from_millis(begins)).await;
        let input = input.expose_text().unwrap();
        let answer = {
            let mut state = self.state();
            // Whoever looked whether it may act, and then stood still, acts too late.
            state.is_late = self.own.stood_still_since(sent);
            let answer = state.meet(contact, script.name, input, fate);
            state.is_late = false;
            answer
        };
        self.look(&format!("{} on {machine}", script.name));
        match &answer {
            Err(MachineError::Unreachable { .. }) => self.pause(Duration::from_secs(10)).await,
            _ => self.pause(Duration::from_millis(lasts)).await,
        }
        match answer? {
            Ok(_) if fate == Fate::LostAfter => Err(lost(contact, script.name)),
            Ok(lines) => Ok(lines),
            Err(Refused(code, message)) => Err(MachineError::Refused {
                machine: machine.clone(),
                script: script.name,
                code: code.to_owned(),
                message,
            }),
        }
    }
}

fn lost(contact: &Contact, script: &'static str) -> MachineError {
    MachineError::Lost {
        machine: contact.machine.clone(),
        script,
        detail: "broken pipe".into(),
    }
}

impl State {
    /// A script comes to where that machine should answer.
    fn meet(
        &mut self,
        contact: &Contact,
        script: &'static str,
        input: &str,
        fate: Fate,
    ) -> Result<Answer, MachineError> {
        let (now, machine) = (self.now, &contact.machine);
        let mut all = self.servers.iter();
        let found = all.position(|s| s.address == contact.address && s.answers(now));
        let at = found.ok_or_else(|| unreachable(machine))?;
        if self.servers[at].shows() != contact.host_key {
            return Err(MachineError::ForeignHostKey {
                machine: machine.clone(),
            });
        }
        if fate != Fate::Well {
            self.say(&format!("fault: {script}: {fate:?} to {machine}"));
        }
        match fate {
            Fate::Refused => Err(unreachable(machine)),
            Fate::LostBefore => Err(lost(contact, script)),
            Fate::LostBehind => {
                if !reads(script) {
                    let wait = i64::try_from(self.dice.between(1, 300)).unwrap();
                    let late = Late::Script {
                        address: contact.address,
                        script,
                        input: input.to_owned(),
                    };
                    let due = now + SignedDuration::from_secs(wait);
                    self.late.push((due, late));
                }
                Err(lost(contact, script))
            }
            Fate::Well | Fate::LostAfter => Ok(self.run(at, script, input)),
        }
    }

    /// Now and then nobody reaches a machine for some minutes.
    fn perhaps_cut(&mut self, contact: &Contact) {
        if !self.dice.happens(self.faults.cuts) {
            return;
        }
        let minutes = i64::try_from(self.dice.between(1, 20)).unwrap();
        let until = self.now + SignedDuration::from_mins(minutes);
        let now = self.now;
        if let Some(server) = self.at(contact.address) {
            server.cut(now, until);
            let name = server.called();
            self.say(&format!("fault: nobody reaches {name} until {until}"));
        }
    }

    /// What was on its way arrives.
    pub fn arrive(&mut self, now: Timestamp) {
        self.arrives(|due, _| due <= now);
    }

    /// A wipe waits for what is still at work on its machine.
    pub fn ends_on(&mut self, machine: IpAddr) {
        self.arrives(|_, late| matches!(late, Late::Script { address, .. } if *address == machine));
    }

    fn arrives(&mut self, now: impl Fn(Timestamp, &Late) -> bool) {
        let all = std::mem::take(&mut self.late).into_iter();
        let (due, later): (Vec<_>, Vec<_>) = all.partition(|(due, late)| now(*due, late));
        self.late = later;
        for (_, late) in due {
            match late {
                Late::Script {
                    address,
                    script,
                    input,
                } => {
                    let at = self.servers.iter().position(|s| s.address == address);
                    // A script that was cut off with its machine's power is gone.
                    if let Some(at) = at.filter(|at| self.servers[*at].on) {
                        self.say(&format!("late: {script}"));
                        self.is_late = true;
                        let _ = self.run(at, script, &input);
                        self.is_late = false;
                    }
                }
                Late::Create(server) => self.appears(*server),
                Late::ComesBack => self.comes_back(),
                Late::ReadBack(stack, point) => self.is_read_back(&stack, &point),
            }
        }
    }

    /// Production machines that are off are on again: nobody told us.
    pub fn comes_back(&mut self) {
        let now = self.now;
        let off = |s: &&mut Server| {
            !s.on && matches!(s.owner(), Some((_, o)) if o.role == Role::Production)
        };
        let mut names = Vec::new();
        for server in self.servers.iter_mut().filter(off) {
            (server.dead, server.back_at) = (false, Some(now));
            server.boot(now, now + SignedDuration::from_secs(20));
            names.push(server.called());
        }
        for name in names {
            self.say(&format!("{name} comes back"));
        }
    }

    pub fn appears(&mut self, server: Server) {
        let name = server.name();
        if self.servers.iter().all(|s| s.name() != name) {
            self.say(&format!("{} stands at {}", server.called(), server.hoster));
            self.servers.push(server);
        }
    }
}
