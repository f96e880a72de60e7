//! The two streams: results on standard output, all else on standard error. A stream that takes
//! nothing more, as on a full disk, must neither panic nor pass for a result that was told.

use super::exit::Exit;
use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;
use std::sync::OnceLock;

/// Prints a part of the result on standard output.
macro_rules! out {
    ($($word:tt)*) => { $crate::show::say::result(format_args!($($word)*)) };
}

/// Prints a line of the result on standard output.
macro_rules! outln {
    ($($word:tt)*) => { $crate::show::say::result(format_args!("{}\n", format_args!($($word)*))) };
}

/// Prints on standard error, as far as somebody listens there.
macro_rules! err {
    ($($word:tt)*) => { $crate::show::say::aside(format_args!($($word)*)) };
}

/// Prints a line on standard error, as far as somebody listens there.
macro_rules! errln {
    ($($word:tt)*) => { $crate::show::say::aside(format_args!("{}\n", format_args!($($word)*))) };
}

pub(crate) use {err, errln, out, outln};

/// Why the result could not be told in full; the first reason counts, nothing is written after it.
static UNTOLD: OnceLock<io::Error> = OnceLock::new();

/// Writes to standard output, unless that has failed before.
pub fn result(text: Arguments<'_>) {
    if UNTOLD.get().is_some() {
        return;
    }
    let stream = anstream::stdout().lock();
    // One write: what a reader gets is not cut in the middle of a word by formatting.
    let text = text.to_string();
    // Without a colour nothing is to be taken out, byte by byte, of what may be megabytes.
    let told = if text.contains('\u{1b}') {
        write(stream, &text)
    } else {
        write(stream.into_inner(), &text)
    };
    if let Err(error) = told {
        let _ = UNTOLD.set(error);
    }
}

fn write(mut stream: impl io::Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// Writes to standard error. Where it cannot be written, nobody can be told so.
pub fn aside(text: Arguments<'_>) {
    let _ = anstream::stderr()
        .lock()
        .write_all(text.to_string().as_bytes());
}

/// What the run ends with, seeing whether its result could be told. Whoever closed the pipe
/// (`| head`) has read enough: that is no error. Anything else is, for the result is lost.
pub fn ended(exit: ExitCode) -> ExitCode {
    match UNTOLD.get() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            errln!("error: the result cannot be written to standard output: {error}");
            Exit::Error.into()
        }
        _ => exit,
    }
}
