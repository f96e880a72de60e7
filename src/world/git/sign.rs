//! Signing as Git is configured to: with the key file, or with `ssh-keygen` where the key lies in
//! an agent, in hardware, or behind a passphrase.

use super::approval::{APPROVAL_NAMESPACE, APPROVALS, approval_name};
use crate::model::ids::CommitId;
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Why there is no signature, or it was not kept.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A setting of Git is missing or names something else.
    #[error("git's {setting} {why}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A program could not be run.
    #[error("cannot run {program}")]
    Program {
        /// Which.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It did not sign.
    #[error("{program} did not sign with {key}")]
    NotSigned {
        /// Which.
        program: String,
        /// As configured.
        key: String,
    },
    /// It gave something else than a signature of what was asked for.
    #[error("the signature made with {key} does not fit what was to be signed")]
    Unsound {
        /// As configured.
        key: String,
    },
    /// Git refused to keep it.
    #[error("git could not {action}: {said}")]
    Git {
        /// What was tried.
        action: &'static str,
        /// What it said.
        said: String,
    },
}

/// A sound approval, not kept yet.
#[derive(Debug, Clone)]
pub struct SignedApproval {
    /// Whose it is.
    pub key: KeyData,
    /// The signature, as text.
    pub text: String,
}

/// Signs a commit's id with the key that Git is configured with. May ask on the terminal.
pub fn approve(repository: &Path, commit: &CommitId) -> Result<SignedApproval, SignError> {
    let message = commit.as_str().as_bytes();
    let format = setting(repository, "gpg.format", &[])?;
    if format.as_deref() != Some("ssh") {
        return Err(SignError::Setting {
            setting: "gpg.format",
            why: "is not ssh; set it with: git config gpg.format ssh".to_owned(),
        });
    }
    let key = setting(repository, "user.signingkey", &["--type=path"])?;
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        return Err(SignError::Setting {
            setting: "user.signingkey",
            why: "is not set; name your key's file with: git config user.signingkey FILE"
                .to_owned(),
        });
    };
    let text = match plain_key(repository, &key) {
        Some(private) => private
            .sign(APPROVAL_NAMESPACE, HashAlg::Sha512, message)
            .and_then(|signature| signature.to_pem(LineEnding::LF))
            .map_err(|_| SignError::Unsound { key: key.clone() })?,
        None => by_program(repository, &key, message)?,
    };
    let unsound = || SignError::Unsound { key: key.clone() };
    let signature = SshSig::from_pem(&text).map_err(|_| unsound())?;
    let public = PublicKey::from(signature.public_key().clone());
    public
        .verify(APPROVAL_NAMESPACE, message, &signature)
        .map_err(|_| unsound())?;
    Ok(SignedApproval {
        key: signature.public_key().clone(),
        text,
    })
}

/// Keeps an approval beside the commit; gives the reference.
pub fn keep(
    repository: &Path,
    commit: &CommitId,
    approval: &SignedApproval,
) -> Result<String, SignError> {
    let name = approval_name(&approval.key).ok_or_else(|| SignError::Unsound {
        key: "this key".to_owned(),
    })?;
    let reference = format!("{APPROVALS}{commit}/{name}");
    let blob = git(
        repository,
        "keep the approval",
        &["hash-object", "-w", "--stdin"],
        Some(approval.text.as_bytes()),
    )?;
    git(
        repository,
        "name the approval",
        &["update-ref", &reference, blob.trim()],
        None,
    )?;
    Ok(reference)
}

/// The private key, where it lies in a file that asks nobody.
fn plain_key(repository: &Path, key: &str) -> Option<PrivateKey> {
    if literal(key).is_some() {
        return None;
    }
    // Git accepts the public half and asks the agent; the private one may lie beside it.
    let path = repository.join(key.strip_suffix(".pub").unwrap_or(key));
    let private = PrivateKey::read_openssh_file(&path).ok()?;
    // Hardware keys have no secret of their own in the file.
    let signs = matches!(
        private.key_data(),
        ssh_key::private::KeypairData::Ed25519(_)
            | ssh_key::private::KeypairData::Ecdsa(_)
            | ssh_key::private::KeypairData::Rsa(_)
    );
    (signs && !private.is_encrypted()).then_some(private)
}

/// A key written out in the setting itself.
fn literal(key: &str) -> Option<&str> {
    key.strip_prefix("key::")
        .or_else(|| key.starts_with("ssh-").then_some(key))
}

fn by_program(repository: &Path, key: &str, message: &[u8]) -> Result<String, SignError> {
    let program = setting(repository, "gpg.ssh.program", &["--type=path"])?
        .unwrap_or_else(|| "ssh-keygen".to_owned());
    let failed = |source| SignError::Program {
        program: program.clone(),
        source,
    };
    let mut command = Command::new(&program);
    command.current_dir(repository);
    command.args(["-q", "-Y", "sign", "-n", APPROVAL_NAMESPACE]);
    // Lives until the program has read it.
    let mut written = None;
    match literal(key) {
        Some(line) => {
            let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
            writeln!(file, "{line}").map_err(failed)?;
            command.arg("-U").arg("-f").arg(file.path());
            written = Some(file);
        }
        None => {
            command.arg("-f").arg(key);
        }
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // A program that ends without reading says so by its exit code.
        let _ = input.write_all(message);
    }
    let output = child.wait_with_output().map_err(failed)?;
    drop(written);
    let text = String::from_utf8(output.stdout).unwrap_or_default();
    if !output.status.success() || text.is_empty() {
        return Err(SignError::NotSigned {
            program,
            key: key.to_owned(),
        });
    }
    Ok(text)
}

/// One of Git's settings, as it holds in this repository.
fn setting(
    repository: &Path,
    name: &'static str,
    options: &[&str],
) -> Result<Option<String>, SignError> {
    let output = command(repository)
        .arg("config")
        .args(options)
        .args(["--get", name])
        .stdin(Stdio::null())
        .output()
        .map_err(|source| SignError::Program {
            program: "git".to_owned(),
            source,
        })?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match output.status.code() {
        Some(0) => Ok(Some(text)),
        Some(1) => Ok(None),
        _ => Err(SignError::Setting {
            setting: name,
            why: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }),
    }
}

fn git(
    repository: &Path,
    action: &'static str,
    args: &[&str],
    input: Option<&[u8]>,
) -> Result<String, SignError> {
    let failed = |source| SignError::Program {
        program: "git".to_owned(),
        source,
    };
    let mut child = command(repository)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        stdin.write_all(input).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Err(SignError::Git {
            action,
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn command(repository: &Path) -> Command {
    let mut command = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR"] {
        command.env_remove(name);
    }
    command.arg("-C").arg(repository);
    command
}
