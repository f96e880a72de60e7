//! A planned move, what comes back from the old place, and what must never have been said.

use super::Play;
use holdfast::decide::derive;
use holdfast::model::secret::Secret;

pub fn moved(play: &mut Play) {
    play.stage.edit(
        "stacks/notes.toml",
        "hoster = \"hetzner\"",
        "hoster = \"ionos\"",
    );
    let changed = play.stage.git(&["diff", "--numstat"]);
    assert!(changed.starts_with("1\t1\t"), "{changed}");
    play.stage.commit("Move Notes to ionos");
    play.stage
        .holdfast(&["plan"])
        .exits(3)
        .says("create notes-e3");
    play.reconcile().exits(0);
    play.settled();
    let machine = play.on("notes-e3");
    play.whole(&machine);
    assert_eq!(play.stage.running("notes-"), Vec::<String>::new());
    // Kept, off, and marked.
    assert_eq!(
        play.stage
            .machines(|m| m["name"] == "notes-e2" && m["power"] == "off")
            .len(),
        1
    );
    let (_, look) = play.stage.look();
    let machines = look
        .observed
        .hosters
        .values()
        .flatten()
        .flat_map(|i| &i.machines);
    let old: Vec<_> = machines.filter(|m| m.name.as_str() == "notes-e2").collect();
    assert!(old.len() == 1 && old[0].quarantined, "{old:?}");
}

pub fn zombie(play: &mut Play) {
    play.stage.lab(&["power-on", "notes-e2"]).exits(0);
    play.stage.until("notes-e2", "systemctl is-active nginx");
    // The move had closed it, and closed it is after the boot.
    play.closed("notes-e2");
    // As if it had lost its power without having been closed: it asks the repository,
    // finds a higher epoch and retires.
    let lost = "echo open >/etc/holdfast/gate\necho opened >/etc/holdfast/stage\nsystemctl restart holdfast-gate holdfast-gate-check\n";
    play.stage.ssh("notes-e2", lost).exits(0);
    play.stage
        .until("notes-e2", "grep -qx retired /etc/holdfast/stage");
    play.closed("notes-e2");
    play.stage
        .holdfast(&["plan"])
        .exits(3)
        .says("its epoch is over");
    play.reconcile().exits(0).says("ok   fence notes-e2");
    assert_eq!(play.stage.running("notes-"), Vec::<String>::new());
    play.settled();
    let machine = play.on("notes-e3");
    play.whole(&machine);
}

pub fn secrets(play: &mut Play) {
    let status = play.stage.lab_status();
    let (session, look) = play.stage.look();
    let key = &session.key;
    let mut secrets: Vec<(String, Secret)> = Vec::new();
    for (name, value) in [
        ("token", &status["hetzner"]["token"]),
        ("TSIG", &status["dns"]["secret"]),
    ] {
        secrets.push((name.into(), Secret::new(value.as_str().unwrap())));
    }
    for stack in ["notes", "annex"] {
        let backup = "backup-netcup-vie";
        for context in [
            ["repository", stack, backup],
            ["rest-server", stack, backup],
        ] {
            secrets.push((context.join(" "), derive::text(key, &context)));
        }
        let context = ["service", stack, "notes", "db_password"];
        secrets.push((context.join(" "), derive::text(key, &context)));
    }
    let line = |private: &Secret| {
        let text = private.expose_text().unwrap().to_owned();
        Secret::new(text.lines().nth(2).unwrap().to_owned())
    };
    secrets.push((
        "client key".into(),
        line(&derive::client_key(key).private_openssh),
    ));
    for machine in look.manifests.keys() {
        let private = derive::host_key(key, machine).private_openssh;
        secrets.push((format!("host key of {machine}"), line(&private)));
    }
    // The search itself must be able to find: a derived password is where it belongs.
    let machine = play.on("notes-e3");
    let env = play
        .stage
        .ssh(&machine, "cat /etc/holdfast/services/notes.env")
        .exits(0)
        .stdout;
    let password = derive::text(key, &["service", "notes", "notes", "db_password"]);
    assert!(env.contains(password.expose_text().unwrap()));

    let mut places = vec![(
        "what commands said".to_owned(),
        play.stage.said().as_bytes().to_vec(),
    )];
    for file in ["state.sqlite", "state.sqlite-wal"] {
        let path = play.stage.estate().join(".git/holdfast").join(file);
        if let Ok(bytes) = std::fs::read(&path) {
            places.push((file.to_owned(), bytes));
        }
    }
    assert!(places.len() > 1, "there is no journal");
    for machine in play.stage.machines(|m| m["power"] == "running") {
        let ran = play.stage.ssh(
            &machine,
            "journalctl -q --no-pager; ps -eo args; cat /proc/[0-9]*/environ 2>/dev/null || :",
        );
        places.push((
            format!("journal and processes of {machine}"),
            ran.exits(0).stdout.into_bytes(),
        ));
    }
    for (place, bytes) in &places {
        for (name, secret) in &secrets {
            let needle = secret.expose();
            assert!(needle.len() >= 16, "{name}");
            let found = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "{name} stands in {place}");
        }
    }
}
