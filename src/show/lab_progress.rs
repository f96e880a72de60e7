//! Progress of the lab while it comes up.

use crate::lab::Progress;
use crate::show::say::errln;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Progress on stderr: a bar on a terminal, plain lines elsewhere.
pub struct LabProgress {
    start: Instant,
    bar: Option<ProgressBar>,
    last_line: Mutex<Option<Instant>>,
}

impl LabProgress {
    /// Begins to count.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(1);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            start: Instant::now(),
            bar,
            last_line: Mutex::new(None),
        }
    }

    /// Shows one piece of progress.
    pub fn show(&self, progress: &Progress) {
        match progress {
            Progress::Step(step) => self.line(step),
            Progress::ImageReady(image) => self.line(&format!("image {image} ready")),
            Progress::MachineReady(name, took) => {
                self.line(&format!("{name} answers after {:.1} s", took.as_secs_f64()));
            }
            Progress::Image(build) => {
                let share = 100 * build.done / build.total.max(1);
                let text = format!("image {}: {share:>3} %  {}", build.image, build.doing);
                match &self.bar {
                    Some(bar) => bar.set_message(text),
                    None if self.due() => self.line(&text),
                    None => {}
                }
            }
        }
    }

    fn line(&self, text: &str) {
        let line = format!("{:>6.1} s  {text}", self.start.elapsed().as_secs_f64());
        match &self.bar {
            Some(bar) => {
                bar.println(line);
                bar.set_message(text.to_owned());
            }
            None => errln!("{line}"),
        }
    }

    /// Without a terminal one line in five seconds is enough.
    fn due(&self) -> bool {
        let Ok(mut last) = self.last_line.lock() else {
            return false;
        };
        let due = last.is_none_or(|last| last.elapsed() > Duration::from_secs(5));
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

impl Drop for LabProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Default for LabProgress {
    fn default() -> Self {
        Self::new()
    }
}
