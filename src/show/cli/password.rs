//! `holdfast password STACK SERVICE`: a service's generated admin password.

use super::estate::EstateArgs;
use super::failure::{Reader, explain};
use crate::decide::derive;
use crate::decide::only::not_sound;
use crate::flow::entry;
use crate::model::ids::StackId;
use crate::show::exit::Exit;
use crate::show::say::{errln, outln};
use std::io::IsTerminal as _;

/// The generated secret by which a blueprint's first account logs in.
const ADMIN: &str = "admin_password";

/// Arguments of `holdfast password`.
#[derive(clap::Args)]
pub struct Args {
    /// Which stack
    stack: String,
    /// Which of its services, by name
    service: String,
}

/// Prints the password alone on standard output; to a person also the account.
pub fn run(args: &Args, place: &EstateArgs) -> Exit {
    let opened = place.config().and_then(|config| entry::with_key(&config));
    let (estate, key) = match opened {
        Ok(opened) => opened,
        Err(error) => return explain(Reader::People, &error),
    };
    let stack = StackId::new(&*args.stack);
    let desired = estate.resolution.desired.as_ref();
    let Some(known) = desired.and_then(|desired| desired.stack(&stack)) else {
        let why = desired.map_or_else(
            || "the estate is not sound; holdfast check shows what is wrong".to_owned(),
            |desired| not_sound(desired, &stack),
        );
        errln!("error: {why}");
        return Exit::Error;
    };
    let services = &known.services;
    let Some(service) = services.iter().find(|s| s.name.as_str() == args.service) else {
        let names: Vec<&str> = services.iter().map(|s| s.name.as_str()).collect();
        errln!(
            "error: {stack} has no service {:?}; it has {}",
            args.service,
            names.join(", ")
        );
        return Exit::Error;
    };
    let context = ["service", known.id.as_str(), &args.service, ADMIN];
    let secret = derive::text(&key, &context);
    let Some(password) = secret.expose_text() else {
        errln!("error: the password is not text");
        return Exit::Error;
    };
    // For a person; inside `$(…)` the password stands alone and nothing else is said.
    if let Some(account) = service.settings.get("admin")
        && std::io::stdout().is_terminal()
    {
        errln!("account {account} at http://{}/", service.host);
    }
    outln!("{password}");
    Exit::Nothing
}
