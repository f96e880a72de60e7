//! `holdfast points STACK`: recovery points, how far each is proven, and which one a rebuild would take.

use super::estate::EstateArgs;
use super::failure::{fail, failed};
use crate::flow::entry::Mode;
use crate::flow::points::{Listing, list};
use crate::model::ids::StackId;
use crate::model::point::RecoveryPoint;
use crate::model::units::show_duration;
use crate::show::exit::Exit;
use crate::show::say::outln;
use crate::show::views::{self, Format};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde_json::json;

#[derive(clap::Args)]
pub struct Args {
    /// Which stack
    stack: String,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub async fn run(args: Args, estate: &EstateArgs) -> Exit {
    let session = match estate.open(Mode::Read, args.format).await {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let stack = StackId::new(args.stack);
    let Some(known) = session.desired.stack(&stack) else {
        return failed(
            args.format,
            &format!("the estate has no sound stack {stack}"),
            Some("holdfast check shows what is wrong"),
        );
    };
    match list(&session, &known.id).await {
        Ok(Ok(listing)) => {
            match args.format {
                Format::Human => human(&stack, &listing, session.world.clock.now()),
                Format::Json => json(&listing),
            }
            Exit::Nothing
        }
        Ok(Err(gap)) => {
            let message = format!("the recovery points could not be listed: {gap}");
            failed(args.format, &message, None)
        }
        Err(error) => fail(args.format, &error),
    }
}

fn human(stack: &StackId, listing: &Listing, now: Timestamp) {
    if listing.points.is_empty() {
        outln!("{stack} has no recovery points.\nNext: holdfast backup {stack}");
        return;
    }
    let chosen = listing.choice.chosen.as_ref().map(|p| &p.id);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "point", "taken (UTC)", "age", "size", "proven", "epoch"]);
    for point in &listing.points {
        table.add_row([
            if chosen == Some(&point.id) { "*" } else { "" }.to_owned(),
            short(point).to_owned(),
            point.taken_at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            show_duration(now.duration_since(point.taken_at)),
            point.bytes.to_string(),
            proven(point),
            point.epoch.to_string(),
        ]);
    }
    outln!("{table}");
    match &listing.choice.chosen {
        Some(_) => {
            outln!("* a rebuild would take this one: the newest that was read back");
        }
        None => outln!("A rebuild would take none: no point was read back."),
    }
    for newer in &listing.choice.newer_less_proven {
        let by = newer.newer_by.map_or_else(String::new, |by| {
            format!(" and newer by {}", show_duration(by))
        });
        outln!("{} is {}{by}", short(&newer.point), standing(&newer.point));
    }
    for late in &listing.choice.outlived {
        outln!(
            "{} was written by a machine that had no right to write any more; it is never chosen",
            short(&late.point)
        );
    }
}

/// What was found damaged is worth nothing, whatever it had proven before.
fn proven(point: &RecoveryPoint) -> String {
    match &point.damaged {
        Some(_) => "damaged".to_owned(),
        None => views::rung(point.rung).to_owned(),
    }
}

fn standing(point: &RecoveryPoint) -> String {
    match &point.damaged {
        Some(why) => format!("damaged: {why};"),
        None => format!("only {}", views::rung(point.rung)),
    }
}

fn short(point: &RecoveryPoint) -> &str {
    point.id.as_str().get(..8).unwrap_or(point.id.as_str())
}

fn json(listing: &Listing) {
    let points: Vec<_> = listing
        .points
        .iter()
        .map(|p| {
            json!({
                "id": p.id,
                "taken_at": p.taken_at,
                "rung": p.rung,
                "bytes": p.bytes,
                "epoch": p.epoch,
                "damaged": p.damaged,
            })
        })
        .collect();
    super::print_json(&json!({
        "points": points,
        "chosen": listing.choice.chosen.as_ref().map(|p| &p.id),
    }));
}
