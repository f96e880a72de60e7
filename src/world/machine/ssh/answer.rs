//! What a script answered: its JSON lines, its complaint, and what the exit code makes of them.

use crate::model::ids::MachineName;
use crate::world::machine::MachineError;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Longest answer that is read: a facts answer has some 30 KiB.
const ANSWER_BYTES: u64 = 64 << 20;
/// What of a script's standard error is kept.
const COMPLAINT_BYTES: usize = 4 << 10;

/// Reads to the end; tells of progress while it comes.
pub(super) async fn read_answer(
    stdout: impl AsyncRead + Unpin,
    machine: &MachineName,
    script: &'static str,
) -> std::io::Result<Vec<String>> {
    let mut reader = BufReader::new(stdout.take(ANSWER_BYTES));
    let mut lines = Vec::new();
    let mut buffer = Vec::new();
    while reader.read_until(b'\n', &mut buffer).await? > 0 {
        let text = String::from_utf8_lossy(&buffer).trim().to_owned();
        buffer.clear();
        if text.starts_with("{\"progress\"") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                let said = |field| value["progress"][field].as_str().unwrap_or_default();
                tracing::info!(%machine, script, phase = said("phase"), detail = said("detail"), "progress");
            }
        } else if !text.is_empty() {
            lines.push(text);
        }
    }
    Ok(lines)
}

/// The end of what was said on standard error; the rest is read and dropped.
pub(super) async fn read_complaint(mut stderr: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        let surplus = kept.len().saturating_sub(COMPLAINT_BYTES);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

/// What the lines and the exit code mean.
pub(super) fn judge(
    machine: &MachineName,
    script: &'static str,
    lines: &[String],
    complaint: &str,
    exit: Option<i32>,
) -> Result<Vec<Value>, MachineError> {
    let unreadable = |detail: String| MachineError::Unreadable {
        machine: machine.clone(),
        script,
        detail,
    };
    let mut values = Vec::with_capacity(lines.len());
    for line in lines {
        match serde_json::from_str::<Value>(line) {
            Ok(value) => values.push(value),
            Err(error) if exit == Some(0) => return Err(unreadable(error.to_string())),
            Err(_) => {}
        }
    }
    if exit == Some(0) {
        return Ok(values);
    }
    let error = values.iter().rev().find_map(|value| value.get("error"));
    let said = |field| {
        error
            .and_then(|error| error.get(field))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    Err(MachineError::Refused {
        machine: machine.clone(),
        script,
        code: said("code").unwrap_or_else(|| "unexpected".to_owned()),
        message: said("message").unwrap_or_else(|| {
            let exit = exit.map_or_else(|| "a signal".to_owned(), |code| format!("exit {code}"));
            format!("ended with {exit}: {complaint}")
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(lines: &[&str], exit: Option<i32>) -> Result<Vec<Value>, MachineError> {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        judge(
            &MachineName::new("acme-e1"),
            "facts",
            &lines,
            "sh: boom",
            exit,
        )
    }

    #[test]
    fn a_refusal_carries_the_scripts_own_words() {
        let error = judged(
            &[
                r#"{"a":1}"#,
                r#"{"error":{"code":"not-blank","message":"is in use"}}"#,
            ],
            Some(1),
        )
        .unwrap_err();
        assert!(
            matches!(error, MachineError::Refused { code, message, .. } if code == "not-blank" && message == "is in use")
        );
    }

    #[test]
    fn a_broken_script_is_refused_with_its_last_words() {
        let error = judged(&["half a li"], Some(2)).unwrap_err();
        assert!(
            error.to_string().contains("ended with exit 2: sh: boom"),
            "{error}"
        );
    }

    #[test]
    fn an_answer_that_is_no_json_is_unreadable() {
        assert!(matches!(
            judged(&["hello"], Some(0)),
            Err(MachineError::Unreadable { .. })
        ));
    }
}
