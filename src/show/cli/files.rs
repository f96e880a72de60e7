//! `holdfast files STACK PATH`: which versions of a file or folder the recovery points hold.

use super::estate::EstateArgs;
use super::failure::{fail, failed};
use crate::decide::moment::{moment, written};
use crate::decide::point::moment as moment_of;
use crate::flow::entry::Mode;
use crate::flow::part::{Found, Version, lies_in, versions};
use crate::flow::session::Session;
use crate::model::gap::Gap;
use crate::model::ids::StackId;
use crate::model::units::show_duration;
use crate::model::visible::{visible, visible_line};
use crate::show::exit::Exit;
use crate::show::say::outln;
use crate::show::views::Format;
use crate::world::backup::{AtPath, Entry, EntryKind};
use comfy_table::{Table, presets};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

#[derive(clap::Args)]
pub struct Args {
    /// Which stack
    stack: String,
    /// A file or folder, as it was on production: an absolute path
    path: String,
    /// Only the point that was the newest then: 2026-11-20 (its end), "2026-11-20 14:05" (in the
    /// zone of the stack's schedule), or with a zone of its own; a folder is listed
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    if !args.path.starts_with('/') {
        return failed(
            args.format,
            &format!("{:?} is no absolute path", args.path),
            Some("write it as it was on production, from / on"),
        );
    }
    let session = match estate.open(Mode::Read, args.format).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let stack = StackId::new(args.stack);
    let at = match asked_moment(&session, &stack, args.at.as_deref()) {
        Ok(at) => at,
        Err(message) => return failed(args.format, &message, None),
    };
    let path = trimmed(&args.path);
    match versions(&session, &stack, path, at).await {
        Ok(found) => {
            let Found {
                versions: found,
                declared,
            } = found;
            match args.format {
                Format::Human => {
                    human(&stack, path, &found, at, session.world.clock.now());
                    if at.is_none() {
                        next(&stack, path, &found, &declared);
                    }
                }
                Format::Json => super::print_json(&json(&found)),
            }
            if found.iter().any(|version| version.kept.is_err()) {
                Exit::Held
            } else {
                Exit::Nothing
            }
        }
        Err(error) => fail(args.format, &error),
    }
}

/// Without final slashes: a folder and its contents are asked for by one name.
pub fn trimmed(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    }
}

/// The moment of `--at`, in the zone of the stack's schedule where it names none.
pub fn asked_moment(
    session: &Session,
    stack: &StackId,
    text: Option<&str>,
) -> Result<Option<Timestamp>, String> {
    let Some(text) = text else { return Ok(None) };
    let zone = session
        .desired
        .stack(stack)
        .and_then(|stack| TimeZone::get(&stack.backup.schedule.zone).ok())
        .unwrap_or(TimeZone::UTC);
    let asked = moment(text, &zone).map_err(|error| error.to_string())?;
    let now = session.world.clock.now();
    // The end of today is not over anywhere.
    if asked
        > now
            .saturating_add(SignedDuration::from_hours(24))
            .unwrap_or(now)
    {
        return Err(format!(
            "{text:?} has not come yet; without --at the newest recovery point is taken"
        ));
    }
    Ok(Some(asked))
}

fn human(stack: &StackId, path: &str, found: &[Version], at: Option<Timestamp>, now: Timestamp) {
    let path = visible_line(path);
    let Some(newest) = found.first() else {
        outln!("{stack} has no recovery point that was read back.\nNext: holdfast backup {stack}");
        return;
    };
    if at.is_some() {
        let taken = written(moment_of(&newest.point));
        outln!("point {} of {taken}", newest.point.id.short());
        match &newest.kept {
            Err(gap) => outln!("{}", unread(gap)),
            Ok(kept) => match &kept.here {
                None => outln!("{path} was not there."),
                Some(entry) if entry.kind == EntryKind::Dir => folder(kept),
                Some(entry) => outln!("{}", line(entry).join("  ")),
            },
        }
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "point",
        "taken",
        "age",
        "modified (UTC)",
        "size",
        "mode",
        "owner",
    ]);
    let mut rest = found;
    let mut missing = 0_usize;
    let mut gaps = Vec::new();
    while let Some(version) = rest.first() {
        let kept = match &version.kept {
            Ok(kept) => kept,
            Err(gap) => {
                gaps.push(gap);
                rest = &rest[1..];
                continue;
            }
        };
        let same = |other: &&Version| other.kept.as_ref().is_ok_and(|k| k.here == kept.here);
        let run = rest.iter().take_while(same).count();
        // The oldest of those that hold the same: since then it has been so.
        let since = &rest[run - 1];
        if let Some(entry) = &kept.here {
            let cells = line(entry);
            table.add_row([
                version.point.id.short().to_owned(),
                span(version, since),
                show_duration(now.duration_since(moment_of(&version.point))),
                cells[1].clone(),
                cells[0].clone(),
                cells[2].clone(),
                cells[3].clone(),
            ]);
        } else {
            missing += run;
        }
        rest = &rest[run..];
    }
    for gap in &gaps {
        outln!("{}", unread(gap));
    }
    let seen = found.len() - gaps.len();
    if seen == 0 {
        return;
    }
    if missing == seen {
        let which = if gaps.is_empty() { "" } else { " other" };
        outln!("{path} is in none of the {seen}{which} points of {stack}.");
        return;
    }
    outln!("{path}\n{table}");
    if missing > 0 {
        outln!("{missing} of {seen} points do not hold it.");
    }
}

/// What brings the newest version back; only what `restore` does not refuse.
fn next(stack: &StackId, path: &str, found: &[Version], declared: &[String]) {
    let holds = |version: &&Version| version.kept.as_ref().is_ok_and(|k| k.here.is_some());
    let Some(newest) = found.iter().find(holds) else {
        return;
    };
    if !declared.is_empty() && !declared.iter().any(|state| lies_in(path, state)) {
        let inside = declared.iter().filter(|state| lies_in(state, path));
        let inside: Vec<&str> = inside.map(String::as_str).collect();
        outln!(
            "Only what is declared can be brought back. Next: holdfast files {stack} with {}",
            visible(&inside.join(" or "))
        );
        return;
    }
    outln!(
        "Next: holdfast restore {stack} --path {} --at {} --to /a/new/path",
        quoted(&visible_line(path)),
        written(moment_of(&newest.point))
    );
}

/// As one word of a shell.
pub fn quoted(path: &str) -> String {
    if path
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
    {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

fn span(newest: &Version, oldest: &Version) -> String {
    let at = |version: &Version| written(moment_of(&version.point));
    if newest.point.id == oldest.point.id {
        at(newest)
    } else {
        format!("{} back to {}", at(newest), at(oldest))
    }
}

/// What nobody could see is neither there nor absent (S1).
fn unread(gap: &Gap) -> String {
    format!("could not be read: {}", visible(&gap.to_string()))
}

fn folder(kept: &AtPath) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["size", "modified (UTC)", "mode", "owner", "name"]);
    let inside = kept.here.as_ref().map(|here| here.path.len() + 1);
    for entry in &kept.entries {
        let [size, modified, mode, owner] = line(entry);
        let name = entry.path.get(inside.unwrap_or(0)..).unwrap_or(&entry.path);
        let mark = if entry.kind == EntryKind::Dir {
            "/"
        } else {
            ""
        };
        table.add_row([
            size,
            modified,
            mode,
            owner,
            format!("{}{mark}", visible(name)),
        ]);
    }
    outln!("{table}");
    let listed = u64::try_from(kept.entries.len()).unwrap_or(u64::MAX);
    if kept.inside > listed {
        outln!("and {} more", kept.inside - listed);
    }
}

/// Size, time, mode, owner.
fn line(entry: &Entry) -> [String; 4] {
    let size = match entry.kind {
        EntryKind::File => entry.size.to_string(),
        EntryKind::Dir => "folder".to_owned(),
        EntryKind::Symlink => "link".to_owned(),
        EntryKind::Other => "special".to_owned(),
    };
    [
        size,
        entry.mtime.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        format!("{:04o}", entry.mode),
        visible(&format!("{}:{}", entry.user, entry.group)).into_owned(),
    ]
}

fn json(found: &[Version]) -> Value {
    let versions: Vec<Value> = found
        .iter()
        .map(|Version { point, kept }| {
            let mut shown = json!({
                "point": point.id,
                "taken_at": point.taken_at,
                "rung": point.rung,
            });
            match kept {
                Ok(kept) => {
                    shown["here"] = json!(kept.here);
                    shown["inside"] = json!(kept.inside);
                    shown["entries"] = json!(kept.entries);
                }
                Err(gap) => shown["gap"] = json!(gap),
            }
            shown
        })
        .collect();
    json!({ "versions": versions })
}
