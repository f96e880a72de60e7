//! `holdfast evidence`: what was proven, and how anybody can check it.

use super::estate::EstateArgs;
use super::failure::{Reader, explain, fail, failed, refused};
use crate::decide::allowed_signers::{Refusal, verify};
use crate::decide::only::not_sound;
use crate::flow::documents::{self, Found};
use crate::flow::entry::Mode;
use crate::model::causes::chain;
use crate::model::ids::StackId;
use crate::show::exit::Exit;
use crate::show::say::{errln, out, outln};
use crate::show::views::{Format, evidence as view};
use crate::world::clock::{Clock as _, SystemClock};
use std::path::PathBuf;

pub const HELP: &str = "Anybody can check a document without Holdfast:\n  ssh-keygen -Y verify -f evidence.allowed_signers -I \"$(jq -r .estate FILE.json)\" \\\n    -n holdfast-evidence -s FILE.sig < FILE.json";

#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true
)]
pub struct Args {
    /// Which stack
    #[arg(required = true)]
    stack: Option<String>,
    #[command(flatten)]
    estate: EstateArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print one document of a stack, byte for byte as it was signed
    Show(Show),
    /// Is a document what was signed, and by whom? Needs no network and, with --key, no estate
    Verify(Verify),
    /// Print the estate's key for evidence, as a line of `allowed_signers`
    Key(EstateArgs),
}

#[derive(clap::Args)]
struct Show {
    /// Which stack
    stack: String,
    /// Which document, by the beginning of its name [default: the newest]
    document: Option<String>,
    /// Write the document and its signature as files into this folder
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    #[command(flatten)]
    estate: EstateArgs,
}

#[derive(clap::Args)]
struct Verify {
    /// The document
    file: PathBuf,
    /// Its signature [default: FILE with the ending .sig]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Who may have signed: a file with lines of `allowed_signers`, which needs no estate, or with a
    /// public key, which says nothing of whose it is; or "estate" for the key of --estate
    #[arg(long, value_name = "FILE", default_value = "estate")]
    key: PathBuf,
    #[command(flatten)]
    estate: EstateArgs,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args) -> Exit {
    match (args.command, args.stack) {
        (Some(Command::Show(show)), _) => one(show).await,
        (Some(Command::Verify(verify)), _) => check(&verify),
        (Some(Command::Key(estate)), _) => key(&estate),
        (None, Some(stack)) => list(&StackId::new(stack), args.format, &args.estate).await,
        (None, None) => failed(args.format, "no stack is named", None),
    }
}

async fn found(stack: &StackId, format: Format, estate: &EstateArgs) -> Result<Found, Exit> {
    let session = estate.open(Mode::Read, format).await?;
    let id = match session.desired.stack(stack) {
        Some(known) => known.id.clone(),
        None => return Err(failed(format, &not_sound(&session.desired, stack), None)),
    };
    let found = documents::list(&session, &id).await;
    let found = found.map_err(|error| fail(format, &error))?;
    if let Some(why) = &found.unreachable {
        errln!(
            "{} could not be asked ({why}): these are the copies on this computer",
            found.machine
        );
    }
    Ok(found)
}

async fn list(stack: &StackId, format: Format, estate: &EstateArgs) -> Exit {
    let found = match found(stack, format, estate).await {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    match format {
        Format::Human => out!("{}", view::human(stack, &found)),
        Format::Json => super::print_json(&view::json(&found)),
    }
    Exit::Nothing
}

async fn one(args: Show) -> Exit {
    let stack = StackId::new(args.stack);
    let found = match found(&stack, Format::Human, &args.estate).await {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let document = match &args.document {
        None => found.documents.iter().rfind(|d| d.evidence.is_some()),
        Some(name) => found.documents.iter().find(|d| d.name.starts_with(name)),
    };
    let Some(document) = document else {
        let remedy = format!("holdfast evidence {stack} lists what there is");
        return failed(Reader::People, "there is no such document", Some(&remedy));
    };
    if let Some(folder) = &args.to {
        if let Err(error) = std::fs::create_dir_all(folder) {
            let message = format!("cannot make {}: {error}", folder.display());
            return failed(Reader::People, &message, None);
        }
        for (ending, text) in [
            ("json", &document.sealed.text),
            ("sig", &document.sealed.signature),
        ] {
            let path = folder.join(format!("{}.{ending}", document.name));
            if let Err(error) = std::fs::write(&path, text) {
                return failed(
                    Reader::People,
                    &format!("cannot write {}: {error}", path.display()),
                    None,
                );
            }
            outln!("{}", path.display());
        }
    } else {
        out!("{}", document.sealed.text);
    }
    if document.evidence.is_none() {
        return refused(
            Reader::People,
            "this estate's key did not sign this document",
            None,
        );
    }
    Exit::Nothing
}

fn check(args: &Verify) -> Exit {
    let signers = if args.key.as_os_str() == "estate" {
        let own = match args.estate.config() {
            Ok(config) => documents::own(&config),
            Err(error) => Err(error),
        };
        match own {
            Ok(signers) => signers,
            Err(error) => {
                errln!("to check without an estate: --key evidence.allowed_signers");
                return explain(args.format, &error);
            }
        }
    } else {
        match documents::signers(&args.key) {
            Ok(signers) => signers,
            Err(error) => return fail(args.format, &error),
        }
    };
    let sealed = match documents::read(&args.file, args.signature.as_deref()) {
        Ok(sealed) => sealed,
        Err(error) => {
            let unsaid = args.signature.is_none() && args.file.exists();
            let remedy = "name the file of its signature: --signature FILE";
            return failed(args.format, &chain(&error), unsaid.then_some(remedy));
        }
    };
    let (evidence, signer) = match verify(&signers, &sealed, SystemClock.now()) {
        Ok(verified) => verified,
        Err(why) => {
            let remedy = match why {
                Refusal::Unsigned => {
                    "take document, signature and key from where they are kept, byte for byte"
                }
                _ => "take evidence.allowed_signers from the repository of the document's estate",
            };
            return refused(
                args.format,
                &format!("{} is not believed: {why}", args.file.display()),
                Some(remedy),
            );
        }
    };
    match args.format {
        Format::Human => out!("{}", view::told(&evidence, &signer.name(&evidence))),
        Format::Json => super::print_json(&serde_json::json!({
            "signed": true,
            "signed_by": signer.name(&evidence),
            "evidence": evidence,
        })),
    }
    Exit::Nothing
}

fn key(estate: &EstateArgs) -> Exit {
    let line = match estate.config() {
        Ok(config) => documents::line(&config),
        Err(error) => Err(error),
    };
    match line {
        Ok(line) => {
            outln!("{line}");
            Exit::Nothing
        }
        Err(error) => explain(Reader::People, &error),
    }
}
