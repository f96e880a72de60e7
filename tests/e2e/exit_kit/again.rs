//! A kit in hands that are hurried, and a repository in which somebody has written.

use super::{BARE, Play, content_of};

pub(super) fn started_early(play: &mut Play) {
    play.stage
        .ssh(BARE, "sh /root/exit-kit/scripts/7-start.sh")
        .exits(1)
        .says("nothing is started without its data");
}

/// Root on production calls what it writes the newest, and spoils the order of the others.
pub(super) fn forged(play: &mut Play) {
    let forge = ". /etc/holdfast/backup.env\n\
        export RESTIC_REPOSITORY RESTIC_PASSWORD_FILE\n\
        for epoch in 999 x; do restic backup --cacert \"$RESTIC_CACERT\" --tag stack=notes --tag \"epoch=$epoch\" /etc/hostname; done\n";
    play.stage.ssh("notes-e1", forge).exits(0);
}

pub(super) fn once_more(play: &mut Play) {
    // Users have come; a boot in between, or a script that is run twice, costs them nothing.
    play.stage
        .ssh(BARE, "runuser -u postgres -- psql -XqAt -d notes -c \"insert into note (body) values ('since then')\"")
        .exits(0);
    let now = content_of(&play.stage, BARE);
    assert!(now.contains("since then"));
    let again = "cd /root/exit-kit\n\
        for n in 3-configuration 4-files 5-databases 6-hooks 7-start 8-check; do sh scripts/$n.sh; done\n";
    play.stage
        .ssh(BARE, again)
        .exits(0)
        .says("databases: done already with this point");
    assert_eq!(content_of(&play.stage, BARE), now);
    // Another point is not loaded over it either.
    let other = "cd /root/exit-kit\nsh scripts/2-fetch.sh\nsh scripts/5-databases.sh\n";
    play.stage.ssh(BARE, other).exits(1).says("so it is live");
    let files = "cd /root/exit-kit\nsh scripts/4-files.sh\n";
    play.stage.ssh(BARE, files).exits(1).says("so it is live");
    assert_eq!(content_of(&play.stage, BARE), now);
    // A run that was killed while it installed packages.
    let killed = "cd /root/exit-kit\n\
        printf '#!/bin/sh\\nexit 0\\n' >/usr/sbin/policy-rc.d.before-exit-kit\n\
        printf '%s\\n' '#!/bin/sh' '# Of the exit kit, while it installs packages.' 'exit 101' >/usr/sbin/policy-rc.d\n\
        sh scripts/1-packages.sh >/dev/null\n\
        cat /usr/sbin/policy-rc.d; ls /usr/sbin/policy-rc.d*; rm /usr/sbin/policy-rc.d\n";
    let left = play.stage.ssh(BARE, killed).exits(0).stdout;
    assert_eq!(left, "#!/bin/sh\nexit 0\n/usr/sbin/policy-rc.d\n");
}
