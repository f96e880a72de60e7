//! A machine that answers and is sick: what mending does not help is rebooted once, and what that
//! does not help is a person's. It is never given up.

use crate::support::Stage;
use std::time::{Duration, Instant};

/// From now on the web server does not stay up there, as long as this test of systemd's fails.
fn fails(stage: &Stage, test: &str) {
    let script = format!(
        "touch /run/ails\n\
         mkdir -p /etc/systemd/system/nginx.service.d\n\
         printf '[Service]\\nExecStartPre={test}\\n' >/etc/systemd/system/nginx.service.d/ails.conf\n\
         systemctl daemon-reload\n\
         systemctl stop nginx\n"
    );
    stage.ssh("notes-e1", &script).exits(0);
}

fn boot(stage: &Stage) -> String {
    let script = "cat /proc/sys/kernel/random/boot_id";
    stage.ssh("notes-e1", script).exits(0).stdout
}

/// As a timer would, until the log says so.
fn until_told(stage: &mut Stage, text: &str) {
    let until = Instant::now() + Duration::from_mins(4);
    loop {
        stage.holdfast(&["reconcile", "--once"]);
        if stage.holdfast(&["log", "notes"]).stdout.contains(text) {
            return;
        }
        assert!(
            Instant::now() <= until,
            "{text}:\n{}",
            stage.holdfast(&["why", "notes"]).stdout
        );
        std::thread::sleep(Duration::from_secs(2));
    }
}

#[test]
#[ignore = "it takes minutes: make disasters"]
fn what_mending_does_not_help_is_rebooted_once_and_then_a_persons() {
    let clock = Instant::now();
    let at = |what: &str| eprintln!("{:6.1} s  {what}", clock.elapsed().as_secs_f64());
    let mut stage = Stage::new("sick");
    stage.holdfast(&["reconcile", "--once"]).exits(0);
    let before = boot(&stage);
    at("two customers at one place");

    // Something in memory that a reboot clears away.
    fails(&stage, "/usr/bin/test ! -e /run/ails");
    assert!(stage.get("notes-e1", "/index.html").is_none());
    until_told(&mut stage, "notes-e1 was rebooted, and is up again");
    at("it was mended three times, and rebooted");
    stage.until_served("notes-e1");
    assert_ne!(boot(&stage), before, "it is another boot");
    stage.holdfast(&["reconcile", "--once"]).exits(0);
    at("it serves again");

    // Something that it does not.
    fails(&stage, "/bin/false");
    let rebooted = boot(&stage);
    let person = "a person must look at notes-e1";
    let until = Instant::now() + Duration::from_mins(4);
    while !stage.holdfast(&["why", "notes"]).stdout.contains(person) {
        stage.holdfast(&["reconcile", "--once"]);
        assert!(Instant::now() < until, "nobody is called");
        std::thread::sleep(Duration::from_secs(2));
    }
    let why = stage.holdfast(&["why", "notes"]);
    why.says("which did not help")
        .says("it answers, so it is not given up")
        .says("notes-e1 was rebooted at");
    for _ in 0..3 {
        stage.holdfast(&["reconcile", "--once"]);
    }
    assert_eq!(boot(&stage), rebooted, "it is rebooted once");
    assert_eq!(stage.running("notes-"), ["notes-e1"], "nothing was made");
    at("what a reboot does not help is a person's");

    // The person.
    let mend = "rm -r /etc/systemd/system/nginx.service.d; systemctl daemon-reload\n";
    stage.ssh("notes-e1", mend).exits(0);
    stage.holdfast(&["reconcile", "--once"]).exits(0);
    stage.until_served("notes-e1");
    at("mended");
}
