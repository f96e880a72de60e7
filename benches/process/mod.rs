//! What the kernel says of a process (`proc(5)`).

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// One of them.
pub struct Process {
    dir: PathBuf,
    since: Instant,
}

/// What it had used at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Seconds since it was first looked at.
    pub at: f64,
    /// Seconds of a core, its own and not its children's.
    pub busy: f64,
    /// Resident now, in bytes.
    pub memory: u64,
    /// Resident at the most so far, in bytes.
    pub most: u64,
}

impl Process {
    pub fn this() -> Self {
        Self::at("/proc/self".into())
    }

    pub fn of(id: u32) -> Self {
        Self::at(format!("/proc/{id}").into())
    }

    fn at(dir: PathBuf) -> Self {
        Self {
            dir,
            since: Instant::now(),
        }
    }

    pub fn read(&self) -> Reading {
        let stat = fs::read_to_string(self.dir.join("stat")).unwrap();
        let (_, words) = stat.rsplit_once(") ").unwrap();
        let words: Vec<&str> = words.split(' ').collect();
        // utime and stime, in hundredths of a second on every Linux (USER_HZ).
        let ticks: u64 = words[11].parse::<u64>().unwrap() + words[12].parse::<u64>().unwrap();
        let status = fs::read_to_string(self.dir.join("status")).unwrap();
        let bytes = |key: &str| {
            let mut lines = status.lines();
            let line = lines.find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
        };
        Reading {
            at: self.since.elapsed().as_secs_f64(),
            busy: ticks as f64 / 100.0,
            memory: bytes("VmRSS:"),
            most: bytes("VmHWM:"),
        }
    }
}

/// How much else the computer does: its load over the last minute, beside its cores.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    let first = load.split(' ').next().unwrap();
    let cores = std::thread::available_parallelism().unwrap();
    format!("load {first} on {cores} cores")
}
