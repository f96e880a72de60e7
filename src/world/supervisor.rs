//! The service manager that may have started us: systemd, by `sd_notify(3)`. Where there is
//! none, nobody is told, and nothing is lost.

use sd_notify::{NotifyState, notify, watchdog_enabled};
use std::time::Duration;

/// How often it wants to hear that we are alive: three times as often as it asks for.
pub fn beat() -> Option<Duration> {
    watchdog_enabled().map(|limit| limit / 3)
}

/// All that was started is there.
pub fn ready() {
    tell(&NotifyState::Ready);
}

/// We are alive.
pub fn alive() {
    tell(&NotifyState::Watchdog);
}

/// We end as soon as it is safe.
pub fn stopping() {
    tell(&NotifyState::Stopping);
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    tell(&NotifyState::Status(line));
}

fn tell(state: &NotifyState<'_>) {
    if let Err(error) = notify(std::slice::from_ref(state)) {
        tracing::debug!(%error, "the service manager does not listen");
    }
}
