END_OF_WHAT_RUNS_THERE
exec chroot "$view" /bin/sh /run/save
