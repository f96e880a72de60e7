//! `holdfast approve COMMIT`: a second pair of eyes puts its name to a commit.

use super::estate::{EstateArgs, RootArgs};
use super::failure::{self, explain, fail};
use crate::flow::approve::{self, ApproveError, Approved};
use crate::flow::entry::EntryError;
use crate::flow::estate::EstateError;
use crate::model::causes::chain;
use crate::model::visible::visible;
use crate::show::exit::Exit;
use crate::show::say::{errln, out};
use crate::show::views::{self, Format};
use jiff::Timestamp;
use serde_json::json;

/// Arguments of `holdfast approve`.
#[derive(clap::Args)]
pub struct Args {
    /// Which commit: an id, its beginning, or a name of Git
    commit: String,
    /// Also send the approvals to the remote
    #[arg(long)]
    push: bool,
    /// Where --push sends them
    #[arg(long, value_name = "REMOTE", default_value = "origin")]
    remote: String,
    #[command(flatten)]
    root: RootArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Shows what is approved, signs, and says what is missing afterwards.
pub async fn run(args: Args, place: EstateArgs) -> Exit {
    let grounds = match place.grounds(&args.root) {
        Ok(grounds) => grounds,
        Err(error) => return explain(args.format, &error),
    };
    let approved = approve::approve(&grounds, &args.commit, |looked| {
        errln!("{}", views::trust::commit(looked, grounds.now));
    });
    let approved = match approved {
        Ok(approved) => approved,
        Err(error) => return refused(args.format, error),
    };
    let mut sent = false;
    if args.push {
        if let Err(error) = approve::push(&grounds.repository, &args.remote).await {
            return fail(args.format, &error);
        }
        sent = true;
    }
    match args.format {
        Format::Human => out!("{}", told(&approved, &args.remote, sent, grounds.now)),
        Format::Json => super::print_json(&json!({
            "reference": approved.reference,
            "by": views::trust::signed_json(&approved.by),
            "sent": sent,
            "commit": views::trust::commit_json(&approved.now, grounds.now),
        })),
    }
    Exit::Nothing
}

fn refused(format: Format, error: ApproveError) -> Exit {
    match error {
        ApproveError::Look(trust) => {
            explain(format, &EntryError::Estate(EstateError::Trust(trust)))
        }
        ApproveError::WouldNotCount { ref why, .. } => {
            let remedy = why.remedy();
            let message = format!("{}; nothing was written", chain(&error));
            failure::refused(format, &message, Some(remedy))
        }
        ApproveError::Removed { .. } | ApproveError::NoSay { .. } => {
            let message = format!("{}; nothing was written", chain(&error));
            let remedy = "let somebody approve whose word counts, see holdfast trust check";
            failure::refused(format, &message, Some(remedy))
        }
        ApproveError::NotSigned { .. } => failure::refused(format, &chain(&error), None),
        other => fail(format, &other),
    }
}

fn told(approved: &Approved, remote: &str, sent: bool, now: Timestamp) -> String {
    let commit = &approved.now.commit.commit;
    let mut text = format!(
        "Approved {:.12} as {} ({}).\n",
        commit.as_str(),
        approved.by.person,
        approved.by.role
    );
    for tally in views::trust::missing(&approved.now, now) {
        text.push_str(&format!("{}\n", views::trust::tally_line(&tally)));
    }
    if sent {
        text.push_str(&format!("Sent to {remote}.\n"));
    } else {
        text.push_str(&format!(
            "It counts where it is known: git push {remote} 'refs/holdfast/approvals/*:refs/holdfast/approvals/*'\n"
        ));
    }
    visible(&text).into_owned()
}
