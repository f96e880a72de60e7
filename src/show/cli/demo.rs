//! `holdfast demo`: the whole story on real machines of the lab.

use super::estate::stop_signal;
use super::failure::fail;
use crate::lab::Lab;
use crate::show::demo::{Ending, Listener, Options, StoryError, tell};
use crate::show::exit::Exit;
use crate::show::progress::Progress;
use crate::show::say::{errln, outln};
use crate::show::views::Format;
use comfy_table::{CellAlignment, Table, presets};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(clap::Args)]
pub struct Args {
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Leave the lab and the estate, and say what to try next
    #[arg(long)]
    keep: bool,
    /// The lab's name [default: demo-<process id>]
    #[arg(long, value_name = "LAB")]
    name: Option<String>,
    /// Where the estate is made [default: a new directory under /var/tmp]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where labs are kept
    #[arg(long, env = "HOLDFAST_LAB_DIR", hide_env_values = true, default_value = crate::lab::DEFAULT_BASE, value_name = "DIR")]
    lab_dir: PathBuf,
}

struct Voice {
    progress: Arc<Progress>,
}

impl Listener for Voice {
    fn scene(&self, title: &str) {
        self.progress.say(&format!("\n== {title}"));
    }
    fn say(&self, text: &str) {
        for line in text.lines() {
            self.progress.say(&format!("          {line}"));
        }
    }
}

pub async fn run(args: Args) -> Exit {
    let stop = stop_signal("stopping; what was made is being removed");
    let name = args
        .name
        .unwrap_or_else(|| format!("demo-{}", std::process::id()));
    let lab = match Lab::new(&name, &args.lab_dir) {
        Ok(lab) => lab,
        Err(error) => return fail(args.format, &error),
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return fail(args.format, &error),
    };
    let made_here = args.dir.is_none();
    let estate = args
        .dir
        .unwrap_or_else(|| PathBuf::from(format!("/var/tmp/holdfast-{name}")));
    let options = Options {
        estate,
        lab,
        program,
    };
    let progress = Arc::new(Progress::new());
    let voice = Voice {
        progress: progress.clone(),
    };
    // Everything here is thrown away in the end, so nothing waits for a step boundary.
    let told = tokio::select! {
        told = tell(&options, &voice, progress.clone(), &stop) => told,
        () = stop.cancelled() => Err(StoryError::Stopped),
    };
    if args.keep {
        progress.say(&next_commands(&options, &name));
    } else {
        clean_up(&options, made_here).await;
    }
    match told {
        Ok(ending) => {
            match args.format {
                Format::Human => human(&ending),
                Format::Json => super::print_json(&ending),
            }
            if ending.equal {
                Exit::Nothing
            } else {
                Exit::Error
            }
        }
        Err(StoryError::Stopped) => {
            errln!("stopped");
            Exit::Error
        }
        Err(error) => fail(args.format, &error),
    }
}

async fn clean_up(options: &Options, made_here: bool) {
    if let Err(error) = options.lab.down(false).await {
        errln!(
            "the lab could not be removed: {error}\nto try again: holdfast lab down --name {}",
            options.lab.name()
        );
    }
    if made_here && let Err(error) = std::fs::remove_dir_all(&options.estate) {
        // Stopped before the estate was made: there is nothing to remove.
        tracing::debug!(%error, "estate not removed");
    }
}

fn next_commands(options: &Options, name: &str) -> String {
    let estate = options.estate.display();
    format!(
        "\nThe lab and the estate are kept. Try:\n  \
         cd {estate}\n  \
         holdfast plan\n  \
         holdfast points acme\n  \
         holdfast password acme wiki\n  \
         holdfast lab status --name {name}\n  \
         holdfast lab cut --name {name} netcup && holdfast plan\n  \
         holdfast lab heal --name {name} && holdfast plan\n  \
         holdfast lab down --name {name} && rm -r {estate}"
    )
}

fn human(ending: &Ending) {
    for scene in &ending.scenes {
        outln!("\n{}", scene.name);
        if !scene.table.is_empty() {
            outln!("{}", scene.table);
        }
        for line in &scene.compared {
            outln!("{line}");
        }
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["scene", "phase", "seconds"]);
    for scene in &ending.scenes {
        for phase in &scene.phases {
            table.add_row([
                scene.name.clone(),
                phase.name.clone(),
                format!("{:.1}", phase.seconds),
            ]);
        }
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    outln!("\n{table}");
    for scene in &ending.scenes {
        if let (Some(rto), Some(rpo), Some(equal)) =
            (scene.rto_seconds, scene.rpo_seconds, scene.equal)
        {
            outln!(
                "{}: RTO {rto:.1} s, RPO {rpo:.1} s, content {}",
                scene.name,
                if equal { "equal" } else { "DIFFERS" }
            );
        }
    }
    outln!("in all {:.1} s", ending.total_seconds);
}
