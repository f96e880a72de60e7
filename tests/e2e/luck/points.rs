//! Recovery points: taken, refused, cut off.

use super::Play;
use crate::backup;
use holdfast::model::ids::MachineName;
use holdfast::world::backup::BackupRequest;
use holdfast::world::machine::Contact;

pub fn written(play: &mut Play) {
    let write = "cd /var/lib/notes\n\
        mkdir -p 'a folder'\n\
        head -c 160000000 /dev/urandom >big\n\
        printf 'umlauts \\303\\244 and a tab\\t\\n' >'a folder/some notes.txt'\n\
        chown -R www-data:www-data .\n\
        runuser -u postgres -- psql -XqAt -d notes -c \"insert into note (body) select 'note ' || n from generate_series(1, 500) as n\"\n";
    play.stage.ssh("notes-e1", write).exits(0);
    play.content = play.stage.notes_on("notes-e1");
    assert!(play.content.contains("note 500"));
    let before = play.points();
    play.stage.holdfast(&["backup", "notes"]).exits(0);
    let after = play.points();
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|point| after.contains(point)));
    play.whole("notes-e1");
}

/// What the scenes of `backup.rs` need, from a session that has looked.
pub fn with_scene(play: &Play, production: &str, act: impl AsyncFnOnce(&backup::Scene<'_>)) {
    let (session, look) = play.stage.look();
    let stack = session
        .desired
        .stacks
        .values()
        .find(|s| s.id.as_str() == "notes");
    let stack = stack.unwrap();
    let name = MachineName::new(production);
    let vault = session
        .contact(&MachineName::new("backup-netcup-vie"))
        .unwrap();
    let password = session.repository_password(stack);
    let keys = session.repository_keys(stack);
    let machines = look
        .observed
        .hosters
        .values()
        .flatten()
        .flat_map(|i| &i.machines);
    let epoch = machines
        .filter(|m| m.name == name)
        .map(|m| m.epoch)
        .next()
        .unwrap();
    let scene = backup::Scene {
        transport: session.world.transport.as_ref(),
        production: &session.contact(&name).unwrap(),
        backup: &vault,
        request: BackupRequest {
            aside: false,
            stack: stack.id.clone(),
            epoch,
            commit: session.desired.commit.clone(),
            services: look.manifests[&name].services.clone(),
        },
        password: &password,
        keys: &keys,
    };
    play.stage.runtime.block_on(act(&scene));
}

pub fn backup_scenes(play: &mut Play) {
    let mut taken = None;
    with_scene(play, "notes-e1", async |scene| {
        backup::a_repository_is_made_once_and_never_again(scene).await;
        backup::a_point_counts_only_after_it_was_read_back(scene).await;
        backup::a_backup_machine_that_is_down_is_said_in_seconds(scene).await;
        let point = scene.ship().await;
        backup::s04_nothing_is_restored_onto_a_machine_in_use(scene, &point.point).await;
        taken = Some(point);
    });
    play.taken = taken;
    play.whole("notes-e1");
}

pub fn failing_dump(play: &mut Play) {
    let before = play.points();
    let database = "database\tnotes\n";
    let script = |body: &str| {
        format!(
            "cat >/root/scene.sh <<'END'\n{body}\nEND\nprintf '{database}' | sh /root/scene.sh\nrm /root/scene.sh\n"
        )
    };
    let damage = script(include_str!("../scripts/damage-database.sh"));
    let mend = script(include_str!("../scripts/mend-database.sh"));
    play.stage.ssh("notes-e1", &damage).exits(0);
    let failed = play.stage.holdfast(&["backup", "notes"]);
    play.stage.ssh("notes-e1", &mend).exits(0);
    failed
        .exits(1)
        .says("database notes")
        .says("Earlier ones are untouched");
    assert_eq!(play.points(), before);
    play.stage.holdfast(&["backup", "notes"]).exits(0);
    play.settled();
}

pub fn cut_in_backup(play: &mut Play) {
    let before = play.points();
    // Something new to send, so that sending takes its time; beside what is there, as a file that is
    // replaced by noise would look encrypted.
    let more =
        "cd /var/lib/notes\nhead -c 160000000 /dev/urandom >more\nchown www-data:www-data more\n";
    play.stage.ssh("notes-e1", more).exits(0);
    play.content = play.stage.notes_on("notes-e1");
    let running = play.stage.start(&["backup", "notes"]);
    play.stage.until("notes-e1", "pgrep -f 'restic backup'");
    play.stage.lab(&["cut", "netcup"]).exits(0);
    let failed = play.stage.end(running);
    play.stage.lab(&["heal"]).exits(0);
    failed
        .exits(1)
        .says("Earlier ones are untouched")
        .says("backup");
    assert_eq!(play.points(), before);
    play.whole("notes-e1");
    play.stage.holdfast(&["backup", "notes"]).exits(0);
    assert_eq!(play.points().len(), before.len() + 1);
    play.settled();
}

pub fn contact(play: &Play, machine: &str) -> Contact {
    let (session, _) = play.stage.look();
    session.contact(&MachineName::new(machine)).unwrap()
}
