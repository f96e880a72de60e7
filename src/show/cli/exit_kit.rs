//! `holdfast exit-kit STACK`: a runbook and plain scripts that rebuild a stack without Holdfast.

use super::estate::EstateArgs;
use super::failure::{fail, failed};
use super::files::quoted;
use crate::decide::exit_kit::kit;
use crate::decide::only::not_sound;
use crate::decide::plan::ENOUGH;
use crate::decide::point::holds;
use crate::flow::entry::Mode;
use crate::flow::exit_kit::{SEALED, Secrets, gather, write};
use crate::model::ids::StackId;
use crate::show::exit::Exit;
use crate::show::runbook;
use crate::show::say::{errln, outln};
use crate::show::views::Format;
use crate::world::backup::BY_HAND;
use serde_json::json;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Which stack
    stack: String,
    /// Where the kit goes [default: exit-kit-STACK]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Leave the secrets unsealed in the kit, open to anybody who has it
    #[arg(long)]
    plain_secrets: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    let session = match estate.open(Mode::Read, args.format).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let name = StackId::new(args.stack);
    let Some(stack) = session.desired.stack(&name) else {
        return failed(args.format, &not_sound(&session.desired, &name), None);
    };
    let source = match gather(&session, stack).await {
        Ok(source) => source,
        Err(error) => return fail(args.format, &error),
    };
    let kit = kit(&source, &BY_HAND);
    let secrets = if args.plain_secrets {
        Secrets::Plain
    } else {
        Secrets::Sealed
    };
    let out = args
        .out
        .unwrap_or_else(|| PathBuf::from(format!("exit-kit-{}", stack.shown)));
    let whole = std::path::absolute(&out).unwrap_or_else(|_| out.clone());
    let folder = whole.file_name().unwrap_or(out.as_os_str());
    let folder = quoted(&folder.to_string_lossy());
    let runbook = runbook::files(&source, &kit, &folder, secrets == Secrets::Sealed);
    if let Err(error) = write(&out, &source, &kit, runbook, secrets) {
        return fail(args.format, &error);
    }
    let newest = source
        .points
        .as_ref()
        .ok()
        .and_then(|points| points.iter().find(|point| holds(point, ENOUGH)));
    match args.format {
        Format::Human => {
            if secrets == Secrets::Plain {
                errln!(
                    "warning: {} holds every password of {name}, readable by whoever has it",
                    out.join("secrets").display()
                );
            }
            outln!("{} rebuilds {name} without Holdfast.", out.display());
            match (&source.access, newest) {
                (None, _) => outln!(
                    "The address of {} is unknown: the kit will ask for it.",
                    source.vault
                ),
                (_, None) => {
                    outln!(
                        "No proven recovery point was seen: the kit will ask which one to take."
                    );
                }
                (_, Some(point)) => outln!(
                    "The newest proven recovery point now is of {}.",
                    point.taken_at.strftime("%Y-%m-%d %H:%M:%S UTC")
                ),
            }
            outln!(
                "Next: print {}, and keep the kit away from your servers",
                out.join("runbook.html").display()
            );
        }
        Format::Json => super::print_json(&json!({
            "out": out,
            "stack": stack.id,
            "commit": source.commit,
            "made_at": source.at,
            "secrets": match secrets { Secrets::Sealed => SEALED, Secrets::Plain => "secrets" },
            "recipients": source.recipients,
            "images": source.images.keys().collect::<Vec<_>>(),
            "repository_known": source.access.is_some(),
            "newest_point": newest.map(|point| &point.id),
        })),
    }
    Exit::Nothing
}
