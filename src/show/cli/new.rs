//! `holdfast new stack ID`: asks for what the flags leave open, writes a file that passes `check`.

use super::failure::{Reader, fail, unsound};
use crate::decide::document::{suggest, words};
use crate::decide::new_stack::{Draft, Where};
use crate::flow::new_stack::{NewStackError, Surroundings};
use crate::model::units::parse_duration;
use crate::show::exit::Exit;
use crate::show::prompt::{Prompt, PromptError};
use crate::show::say::outln;
use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

/// What can be made.
#[derive(clap::Subcommand)]
pub enum New {
    /// A customer: stacks/ID.toml; asks on a terminal for what the options leave open
    Stack(Args),
}

/// Arguments of `holdfast new stack`.
#[derive(clap::Args)]
pub struct Args {
    /// The stack's id; it never changes
    id: String,
    /// The customer's name
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// The customer's language, de or en
    #[arg(long, value_name = "LANGUAGE", default_value = "en")]
    language: String,
    /// Whom to tell, for example mailto:it@acme.example; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    contact: Vec<String>,
    /// What it is made of, for example mediawiki
    #[arg(long, value_name = "ID")]
    blueprint: Option<String>,
    /// The service's name [default: the blueprint's]
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The DNS name that users type
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// A setting of the blueprint; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// Where it runs: an account of hosters.toml
    #[arg(long, value_name = "ID")]
    hoster: Option<String>,
    /// One of the hoster's sites [default: the usual one]
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    /// Processors of the machine
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    cpus: u32,
    /// Memory of the machine
    #[arg(long, value_name = "SIZE", default_value = "4 GiB")]
    memory: String,
    /// Disk of the machine
    #[arg(long, value_name = "SIZE", default_value = "40 GB")]
    disk: String,
    /// Operating system
    #[arg(long, value_name = "IMAGE", default_value = "debian-13")]
    image: String,
    /// Where its backup is [default: the first that is independent of production]
    #[arg(long, value_name = "ID")]
    backup_hoster: Option<String>,
    /// The backup's site [default: the first that is independent of production]
    #[arg(long, value_name = "SITE")]
    backup_site: Option<String>,
    /// When recovery points are made
    #[arg(
        long,
        value_name = "SCHEDULE",
        default_value = "daily 02:30 Europe/Berlin"
    )]
    schedule: String,
    /// How long recovery points are kept
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    keep: String,
    /// The most data that may be lost, as time, for example 24h
    #[arg(long, value_name = "DURATION")]
    rpo: Option<String>,
    /// The longest that a rebuild may take, for example 6h
    #[arg(long, value_name = "DURATION")]
    rto: Option<String>,
    /// The estate's repository
    #[arg(long, default_value = ".", value_name = "DIR")]
    estate: PathBuf,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    New(#[from] NewStackError),
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error("{id:?} is no id for a stack: {rule}", rule = words::ID.rule())]
    Id { id: String },
    #[error(
        "not at a terminal, so nothing can be asked; missing: {}",
        flags.join(", ")
    )]
    Missing { flags: Vec<String> },
    #[error(
        "no place is independent of production at {hoster} {site}{more}; see `holdfast explain HF0014`"
    )]
    NoBackup {
        hoster: String,
        site: String,
        more: String,
    },
    #[error("there is no {what} {wrong:?} here; {help}")]
    Unknown {
        what: &'static str,
        wrong: String,
        help: String,
    },
}

/// Makes it.
pub fn run(new: &New) -> Exit {
    let New::Stack(args) = new;
    let asked = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let mut prompt = asked.then(|| Prompt::new(std::io::stdin().lock(), anstream::stderr().lock()));
    match stack(args, prompt.as_mut()) {
        Ok(()) => Exit::Nothing,
        Err(Failure::New(NewStackError::Broken {
            what,
            diagnostics,
            files,
        })) => unsound(Reader::People, what, &diagnostics, &files),
        Err(error) => fail(Reader::People, &error),
    }
}

fn stack(
    args: &Args,
    prompt: Option<&mut Prompt<impl BufRead, impl Write>>,
) -> Result<(), Failure> {
    if !words::ID.fits(&args.id) {
        return Err(Failure::Id {
            id: args.id.clone(),
        });
    }
    let around = Surroundings::read(&args.estate)?;
    around.free(&args.id)?;
    let mut draft = of_flags(args);
    match prompt {
        Some(prompt) => ask(args, &around, &mut draft, prompt)?,
        None => missing(args, &around)?,
    }
    place(args, &around, &mut draft)?;
    let path = around.write(&draft)?;
    let file = path.strip_prefix(".").unwrap_or(&path).display();
    outln!(
        "wrote {file}: {} on {} {}, backed up to {} {}\n\n\
         next: holdfast check --worktree\n      git add {} && git commit -m \"Add {}\"\n      holdfast plan",
        draft.blueprint,
        draft.production.hoster,
        draft.production.site,
        draft.backup.hoster,
        draft.backup.site,
        crate::decide::new_stack::path(&draft.id),
        draft.id,
    );
    Ok(())
}

fn of_flags(args: &Args) -> Draft {
    let text = |wish: &Option<String>| wish.clone().unwrap_or_default();
    Draft {
        id: args.id.clone(),
        name: text(&args.name),
        language: args.language.clone(),
        contacts: args.contact.clone(),
        rpo: args.rpo.clone(),
        rto: args.rto.clone(),
        production: Where {
            hoster: text(&args.hoster),
            site: text(&args.site),
        },
        cpus: args.cpus,
        memory: args.memory.clone(),
        disk: args.disk.clone(),
        image: args.image.clone(),
        backup: Where::default(),
        schedule: args.schedule.clone(),
        keep: args.keep.clone(),
        service: args
            .service
            .clone()
            .or_else(|| args.blueprint.clone())
            .unwrap_or_default(),
        blueprint: text(&args.blueprint),
        version: 1,
        host: text(&args.host),
        settings: args.set.iter().cloned().collect(),
    }
}

/// All flags that a script forgot, at once.
fn missing(args: &Args, around: &Surroundings) -> Result<(), Failure> {
    let needed = [
        ("--name", args.name.is_none()),
        ("--blueprint", args.blueprint.is_none()),
        ("--host", args.host.is_none()),
        ("--hoster", args.hoster.is_none()),
    ];
    let mut flags: Vec<String> = needed
        .into_iter()
        .filter(|(_, missing)| *missing)
        .map(|(flag, _)| flag.to_owned())
        .collect();
    let open = args
        .blueprint
        .as_ref()
        .and_then(|id| around.parts.blueprints.get(id))
        .map(|part| part.open.clone())
        .unwrap_or_default();
    for key in open {
        if !args.set.iter().any(|(set, _)| *set == key) {
            flags.push(format!("--set {key}=VALUE"));
        }
    }
    if flags.is_empty() {
        return Ok(());
    }
    Err(Failure::Missing { flags })
}

fn one_of<'n>(names: impl IntoIterator<Item = &'n String>, answer: &str) -> Result<(), String> {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    if names.contains(&answer) {
        return Ok(());
    }
    Err(suggest(answer, names).unwrap_or_default())
}

fn duration(answer: &str) -> Result<(), String> {
    parse_duration(answer)
        .map(|_| ())
        .map_err(|e| e.to_string())
}

fn form(form: &words::Form, answer: &str) -> Result<(), String> {
    if form.fits(answer) {
        Ok(())
    } else {
        Err(format!("allowed: {}", form.rule()))
    }
}

fn listed<T>(parts: &BTreeMap<String, T>) -> String {
    parts.keys().cloned().collect::<Vec<_>>().join(", ")
}

/// What the flags leave open, with usual answers from the estate.
fn ask(
    args: &Args,
    around: &Surroundings,
    draft: &mut Draft,
    prompt: &mut Prompt<impl BufRead, impl Write>,
) -> Result<(), Failure> {
    let parts = &around.parts;
    if args.name.is_none() {
        draft.name = prompt.ask("The customer's name", Some(&args.id), |answer| {
            form(&words::LINE, answer)
        })?;
    }
    if args.blueprint.is_none() {
        let question = format!("Blueprint ({})", listed(&parts.blueprints));
        let usual = parts.blueprints.keys().next().map(String::as_str);
        draft.blueprint = prompt.ask(&question, usual, |answer| {
            one_of(parts.blueprints.keys(), answer)
        })?;
        if args.service.is_none() {
            draft.service.clone_from(&draft.blueprint);
        }
    }
    if args.host.is_none() {
        let usual = parts.zone.as_ref().map(|zone| {
            if zone.starts_with(&format!("{}.", args.id)) {
                format!("{}.{zone}", draft.service)
            } else {
                format!("{}.{zone}", args.id)
            }
        });
        draft.host = prompt.ask("The DNS name that users type", usual.as_deref(), |answer| {
            form(&words::HOST, answer)
        })?;
    }
    let open = parts.blueprints.get(&draft.blueprint);
    for key in open.map(|part| part.open.clone()).unwrap_or_default() {
        if !draft.settings.contains_key(&key) {
            let usual = draft.name.clone();
            let answer = prompt.ask(&format!("Setting {key}"), Some(&usual), |answer| {
                form(&words::VALUE, answer)
            })?;
            draft.settings.insert(key, answer);
        }
    }
    if args.hoster.is_none() {
        let usual = around.usual_hoster(draft);
        let question = format!("Where it runs ({})", listed(&parts.places));
        draft.production.hoster = prompt.ask(&question, usual.as_deref(), |answer| {
            one_of(parts.places.keys(), answer)
        })?;
    }
    let sites = parts.places.get(&draft.production.hoster);
    if let Some(sites) = sites.filter(|_| args.site.is_none()) {
        let question = format!("Site ({})", sites.join(", "));
        let usual = sites.first().map(String::as_str);
        draft.production.site = prompt.ask(&question, usual, |answer| one_of(sites, answer))?;
    }
    if args.backup_hoster.is_none() && args.backup_site.is_none() {
        let usual = around.backup_place(draft, None).map(|place| place.hoster);
        let question = format!("Where its backup is ({})", listed(&parts.places));
        let known = draft.clone();
        draft.backup.hoster = prompt.ask(&question, usual.as_deref(), |answer| {
            one_of(parts.places.keys(), answer)?;
            match around.backup_place(&known, Some(answer)) {
                Some(_) => Ok(()),
                None => Err(format!(
                    "{answer} is not independent of {}: the same company, group or network, or too near",
                    known.production.hoster
                )),
            }
        })?;
    }
    if args.rpo.is_none() {
        let question = "The most data that may be lost, as time";
        draft.rpo = Some(prompt.ask(question, Some("24h"), duration)?);
    }
    if args.rto.is_none() {
        let question = "The longest that a rebuild may take";
        draft.rto = Some(prompt.ask(question, Some("6h"), duration)?);
    }
    Ok(())
}

/// Sites and the backup's place, where nobody said anything.
fn place(args: &Args, around: &Surroundings, draft: &mut Draft) -> Result<(), Failure> {
    let parts = &around.parts;
    let unknown = |what, wrong: &str, names: Vec<&str>| Failure::Unknown {
        what,
        wrong: wrong.to_owned(),
        help: suggest(wrong, names).unwrap_or_default(),
    };
    let Some(sites) = parts.places.get(&draft.production.hoster) else {
        let names = parts.places.keys().map(String::as_str).collect();
        return Err(unknown("hoster", &draft.production.hoster, names));
    };
    if draft.production.site.is_empty()
        && let Some(site) = sites.first()
    {
        draft.production.site.clone_from(site);
    }
    let Some(part) = parts.blueprints.get(&draft.blueprint) else {
        let names = parts.blueprints.keys().map(String::as_str).collect();
        return Err(unknown("blueprint", &draft.blueprint, names));
    };
    draft.version = part.version;
    let chosen = Some(draft.backup.hoster.clone()).filter(|hoster| !hoster.is_empty());
    let wish = args.backup_hoster.clone().or(chosen);
    if let (Some(hoster), Some(site)) = (&wish, &args.backup_site) {
        draft.backup = Where {
            hoster: hoster.clone(),
            site: site.clone(),
        };
        return Ok(());
    }
    let found = around.backup_place(draft, wish.as_deref());
    let Some(found) = found else {
        return Err(Failure::NoBackup {
            hoster: draft.production.hoster.clone(),
            site: draft.production.site.clone(),
            more: wish
                .map(|hoster| format!(", at {hoster}"))
                .unwrap_or_default(),
        });
    };
    draft.backup = found;
    if let Some(site) = &args.backup_site {
        draft.backup.site.clone_from(site);
    }
    Ok(())
}
