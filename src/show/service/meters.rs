//! What Prometheus reads of the loop.

use crate::model::ids::StackId;
use crate::model::pass::{Pass, StackState, Wake};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
    with_local_recorder,
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusRecorder};
use std::collections::BTreeMap;
use std::time::Duration;

/// Seconds; a look at a small estate takes one, a rebuild hours.
const BUCKETS: [f64; 10] = [
    0.25, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0,
];

const PASSES: &str = "holdfast_passes_total";
const DURATION: &str = "holdfast_pass_duration_seconds";
const STACKS: &str = "holdfast_stacks";
const HELD: &str = "holdfast_held";
const STEPS: &str = "holdfast_steps_done_total";
const LAST_PASS: &str = "holdfast_last_pass_timestamp_seconds";
const LAST_LOOK: &str = "holdfast_last_look_timestamp_seconds";
const WAKES: &str = "holdfast_wakes_total";
const OLDEST: &str = "holdfast_under_way_oldest_seconds";
const PUSHES: &str = "holdfast_pushes_refused_total";

/// Counters of one loop; a computer may run several.
pub struct Meters(PrometheusRecorder);

impl Meters {
    /// All at nothing, the wakes and states by name: what never happened can be asked for.
    pub fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&BUCKETS)?
            .build_recorder();
        with_local_recorder(&recorder, || {
            describe_counter!(PASSES, "Passes that have ended, by how they ended.");
            describe_histogram!(DURATION, Unit::Seconds, "How long passes took.");
            describe_gauge!(
                STACKS,
                "Stacks by where they stood at the end of the last look."
            );
            describe_gauge!(HELD, "What was wanted and not done, at the last look.");
            describe_counter!(STEPS, "Steps that ended well.");
            describe_gauge!(LAST_PASS, Unit::Seconds, "When the last pass ended.");
            describe_gauge!(
                LAST_LOOK,
                Unit::Seconds,
                "When the last pass ended that looked at the estate."
            );
            describe_gauge!(
                OLDEST,
                Unit::Seconds,
                "For how long the steps that were begun first are under way; 0: none are."
            );
            describe_counter!(WAKES, "What woke the loop.");
            describe_counter!(PUSHES, "Pushes without the right signature.");
            for wake in Wake::ALL {
                counter!(WAKES, "reason" => wake.word()).absolute(0);
            }
            for state in StackState::ALL {
                gauge!(STACKS, "state" => state.word()).set(0.0);
            }
            counter!(PUSHES).absolute(0);
            counter!(STEPS).absolute(0);
        });
        Ok(Self(recorder))
    }

    /// Takes in a pass.
    #[allow(clippy::cast_precision_loss, reason = "counts of stacks and seconds")]
    pub fn pass(&self, pass: &Pass) {
        with_local_recorder(&self.0, || {
            let ended = pass.began.as_second() as f64 + pass.took.as_secs_f64();
            counter!(PASSES, "ending" => pass.ending.word()).increment(1);
            histogram!(DURATION).record(pass.took.as_secs_f64());
            gauge!(LAST_PASS).set(ended);
            counter!(STEPS).increment(pass.done as u64);
            for wake in &pass.wakes {
                counter!(WAKES, "reason" => wake.word()).increment(1);
            }
            if !pass.ending.looked() {
                return; // The last look stands.
            }
            gauge!(LAST_LOOK).set(ended);
            gauge!(HELD).set(pass.held as f64);
            for state in StackState::ALL {
                let count = pass.stacks.values().filter(|s| **s == state).count();
                gauge!(STACKS, "state" => state.word()).set(count as f64);
            }
        });
        // Otherwise each pass would be kept until somebody asks.
        self.0.handle().run_upkeep();
    }

    /// Whose steps are under way, and for how long.
    pub fn under_way(&self, steps: &BTreeMap<StackId, Duration>) {
        let oldest = steps.values().max().map_or(0.0, Duration::as_secs_f64);
        with_local_recorder(&self.0, || gauge!(OLDEST).set(oldest));
    }

    /// A push did not count.
    pub fn refused_push(&self) {
        with_local_recorder(&self.0, || counter!(PUSHES).increment(1));
    }

    /// As Prometheus reads it, version 0.0.4 of its text format.
    pub fn text(&self) -> String {
        self.0.handle().render()
    }
}
