//! Running this computer's own tools (`ip`, `nft`, `mount`, …) and saying what they said.

use super::fleet::FleetError;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs a tool to its end and returns its standard output.
///
/// # Errors
/// [`FleetError::Failed`] when it cannot be started or does not exit with 0; the
/// detail is what it wrote to standard error.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, FleetError> {
    run_with_input(program, arguments, "")
}

/// Like [`run`], with `input` on its standard input.
pub fn run_with_input(
    program: &str,
    arguments: &[&str],
    input: &str,
) -> Result<String, FleetError> {
    let action = || format!("{program} {}", arguments.join(" "));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(action(), &error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that ends without reading its input says why in its exit status.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(action(), &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let detail = if said.is_empty() {
        output.status.to_string()
    } else {
        said
    };
    Err(FleetError::Failed {
        action: action(),
        detail,
    })
}

/// An error of the file system or of a tool, with what was tried.
pub fn failed(action: impl Into<String>, error: &dyn std::fmt::Display) -> FleetError {
    FleetError::Failed {
        action: action.into(),
        detail: error.to_string(),
    }
}

/// Runs blocking work where it does not hold up the async runtime.
pub async fn in_background<T: Send + 'static, E: From<FleetError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(E::from(failed("run work of the lab", &error))),
    }
}
