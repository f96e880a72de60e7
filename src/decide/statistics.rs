//! What was measured: how long it takes until a stack is back, and how old its data is then.

use super::allowed_signers::{signers_in, verify};
use super::evidence::ALLOWED_SIGNERS;
use super::point::{counting, moment};
use super::promises::Measured;
use crate::model::evidence::{Evidence, SealedEvidence, Verdict, What};
use crate::model::ids::StackId;
use crate::model::point::{RecoveryPoint, Rung};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// What was measured longer ago says nothing of today's data.
pub const RECENT: SignedDuration = SignedDuration::from_hours(24 * 100);

/// The folder of an estate where evidence may be committed, for checks without a network.
pub const FOLDER: &str = "evidence/";

/// Several measurements of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// The one in the middle; the longer of two.
    pub median: SignedDuration,
    /// The longest.
    pub worst: SignedDuration,
    /// How many.
    pub count: usize,
}

impl Spread {
    /// `None`: nothing was measured.
    pub fn of(mut all: Vec<SignedDuration>) -> Option<Self> {
        all.sort_unstable();
        Some(Self {
            median: *all.get(all.len() / 2)?,
            worst: *all.last()?,
            count: all.len(),
        })
    }
}

/// What documents of one stack say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// How many passed, by what was done.
    pub passed: BTreeMap<What, usize>,
    /// How many failed: they took no time that anybody could promise.
    pub failed: usize,
    /// From the beginning to the last check, or until users were let in (RTO). Not of moves that copied
    /// ahead: nobody waited for that.
    pub time: Option<Spread>,
    /// How long users were shut out, of moves.
    pub shut: Option<Spread>,
    /// The same per phase.
    pub phases: BTreeMap<String, Spread>,
    /// Age of the data that came back (RPO), of rebuilds: a drill may take any point.
    pub data_age: Option<Spread>,
}

/// Reads what these documents say together.
pub fn statistics<'e>(documents: impl Iterator<Item = &'e Evidence>) -> Statistics {
    let mut told = Statistics::default();
    let (mut times, mut ages, mut shut) = (Vec::new(), Vec::new(), Vec::new());
    let mut phases: BTreeMap<String, Vec<SignedDuration>> = BTreeMap::new();
    for evidence in documents {
        if evidence.verdict != Verdict::Passed {
            told.failed += 1;
            continue;
        }
        *told.passed.entry(evidence.what).or_default() += 1;
        let millis =
            |millis| SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        shut.extend(evidence.shut_millis().map(millis));
        if evidence.copied_ahead() {
            continue;
        }
        times.push(evidence.ended_at.duration_since(evidence.began_at));
        if evidence.what == What::Rebuild {
            ages.push(evidence.began_at.duration_since(evidence.point.taken_at));
        }
        for phase in &evidence.phases {
            let all = phases.entry(phase.name.clone()).or_default();
            all.push(millis(phase.millis));
        }
    }
    told.time = Spread::of(times);
    told.shut = Spread::of(shut);
    told.data_age = Spread::of(ages);
    told.phases = phases
        .into_iter()
        .filter_map(|(phase, all)| Some((phase, Spread::of(all)?)))
        .collect();
    told
}

/// The longest time between two points that count, and from the newest of them to now: so old
/// could the data have been that a loss would have left (RPO). `None` without such a point.
pub fn longest_gap(
    points: &[RecoveryPoint],
    least: Rung,
    now: Timestamp,
) -> Option<SignedDuration> {
    let counting = counting(points).filter(|point| point.rung >= least);
    let mut moments: Vec<Timestamp> = counting.map(moment).collect();
    moments.sort_unstable();
    moments.push(now.max(*moments.last()?));
    let pairs = moments.iter().zip(moments.iter().skip(1));
    pairs.map(|(one, next)| next.duration_since(*one)).max()
}

/// The worst that evidence says which is committed with the estate: documents and signatures in
/// `evidence/`, signed by who may according to `evidence.allowed_signers`, and recent. What is not
/// says nothing.
pub fn measured_in(
    files: &BTreeMap<String, Vec<u8>>,
    now: Timestamp,
) -> BTreeMap<StackId, Measured> {
    let text = |path: &str| std::str::from_utf8(files.get(path)?).ok();
    // The same on every computer, whatever its zone.
    let signers = text(ALLOWED_SIGNERS).map(|text| signers_in(text, &TimeZone::UTC));
    let signers = signers.unwrap_or_default();
    let mut by_stack: BTreeMap<StackId, Vec<Evidence>> = BTreeMap::new();
    let paths = files.keys().filter(|path| path.starts_with(FOLDER));
    for path in paths {
        let Some(beginning) = path.strip_suffix(".json") else {
            continue;
        };
        let (Some(text), Some(signature)) = (text(path), text(&format!("{beginning}.sig"))) else {
            continue;
        };
        let sealed = SealedEvidence {
            text: text.to_owned(),
            signature: signature.to_owned(),
        };
        let evidence = verify(&signers, &sealed, now).ok().map(|(said, _)| said);
        let recent = |e: &Evidence| now.duration_since(e.ended_at) <= RECENT;
        if let Some(evidence) = evidence.filter(recent) {
            by_stack
                .entry(evidence.stack.clone())
                .or_default()
                .push(evidence);
        }
    }
    by_stack
        .into_iter()
        .map(|(stack, documents)| {
            let told = statistics(documents.iter());
            let drills = documents
                .iter()
                .filter(|e| e.what == What::Drill && e.verdict == Verdict::Passed);
            let newest = drills.max_by_key(|e| e.ended_at);
            let measured = Measured {
                loss: told.data_age.map(|spread| spread.worst),
                loss_at_most: newest.map(|e| e.began_at.duration_since(e.point.taken_at)),
                rebuild: told.time.map(|spread| spread.worst),
            };
            (stack, measured)
        })
        .collect()
}
