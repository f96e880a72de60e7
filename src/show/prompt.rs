//! Questions at a terminal: one line each, a usual answer in brackets, asked again until
//! the answer can be used.

use std::io::{self, BufRead, Write};

/// Asks there and reads here.
pub struct Prompt<R, W> {
    input: R,
    output: W,
}

/// Nobody answers any more.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// End of input.
    #[error("the answers ended; nothing was written")]
    Ended,
    /// The terminal.
    #[error("the terminal")]
    Terminal(#[from] io::Error),
}

impl<R: BufRead, W: Write> Prompt<R, W> {
    /// On a terminal, or in a test.
    pub fn new(input: R, output: W) -> Self {
        Self { input, output }
    }

    /// Asks until `accept` has nothing against the answer. An empty answer is the usual one.
    pub fn ask(
        &mut self,
        question: &str,
        usual: Option<&str>,
        accept: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String, PromptError> {
        loop {
            match usual {
                Some(usual) => write!(self.output, "{question} [{usual}]: ")?,
                None => write!(self.output, "{question}: ")?,
            }
            self.output.flush()?;
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                return Err(PromptError::Ended);
            }
            let answer = match (line.trim(), usual) {
                ("", Some(usual)) => usual,
                (answer, _) => answer,
            };
            match accept(answer) {
                Ok(()) => return Ok(answer.to_owned()),
                Err(why) => writeln!(self.output, "  {why}")?,
            }
        }
    }
}
