//! A stack's exit kit: made from Git, the key and one look; written into a folder.

use super::observe;
use super::session::Session;
use crate::decide::derive::EstateKey;
use crate::decide::exit_kit::{Kit, Rendered, Source, archive, sums};
use crate::decide::manifest::{ManifestError, services_alone};
use crate::decide::point::newness;
use crate::decide::repositories;
use crate::model::desired::DesiredStack;
use crate::model::gap::Gap;
use crate::model::ids::ImageName;
use crate::model::repository::KeyRole;
use crate::world::secrets::{SecretError, seal, write_private};
use crate::world::store::StoreError;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The sealed part of a kit.
pub const SEALED: &str = "secrets.tar.age";

/// Why there is no kit.
#[derive(Debug, thiserror::Error)]
pub enum ExitKitError {
    /// The journal.
    #[error("the journal cannot be read")]
    Journal(#[from] StoreError),
    /// A blueprint.
    #[error("the configuration of {stack} on {image} cannot be rendered")]
    Render {
        /// Which stack.
        stack: String,
        /// On which system.
        image: ImageName,
        /// Why.
        #[source]
        source: Box<ManifestError>,
    },
    /// Sealing, or writing what is secret.
    #[error("the secrets of the kit cannot be written")]
    Secret(#[from] SecretError),
    /// A path that no archive takes.
    #[error("the path {path:?} is too long for the archive of secrets")]
    Path {
        /// Which.
        path: String,
    },
    /// A folder with something else in it.
    #[error("{} holds something that is no exit kit of this stack; name another folder with --out", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// A commit of everything would take the passwords along.
    #[error("{} lies in the Git work tree {}, and secrets in the open may not be written there; name a folder outside with --out DIR", .path.display(), .tree.display())]
    Committable {
        /// Which.
        path: PathBuf,
        /// The work tree.
        tree: PathBuf,
    },
    /// The folder.
    #[error("cannot write {}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// How the secrets of a kit are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// In one file that only the escrow key opens.
    Sealed,
    /// As files, because a person asked for it.
    Plain,
}

/// Looks at what there is of a stack, and gathers what its kit is made from.
///
/// What cannot be seen is said in the kit; it is made all the same.
pub async fn gather(session: &Arc<Session>, stack: &DesiredStack) -> Result<Source, ExitKitError> {
    let past = session.history().await?;
    let look = observe::observe(session, &past).await;
    let vault = session.serving_backup_machine(stack);
    let points = repositories::on(&look.observed, stack, &vault)
        .unwrap_or_else(|| Err(Gap::unasked(format!("recovery points of {}", stack.id))))
        .map(|points| {
            let mut points = points.to_vec();
            points.sort_by_cached_key(|point| std::cmp::Reverse(newness(point)));
            points
        });
    let production = past.writers.get(&stack.id).and_then(|(_, machine)| {
        let contact = session.contact(machine)?;
        Some((machine.clone(), contact.address))
    });
    let desired = &session.desired;
    Ok(Source {
        estate: desired.estate.clone(),
        commit: desired.commit.clone(),
        at: session.world.clock.now(),
        holdfast: env!("CARGO_PKG_VERSION").to_owned(),
        hosters: desired
            .hosters
            .iter()
            .map(|(id, account)| (id.clone(), account.descriptor.clone()))
            .collect(),
        images: images(session, stack)?,
        access: session.access(stack, &vault, KeyRole::Escrow).ok(),
        vault,
        repository_password: session.repository_keys(stack).escrow,
        production,
        points,
        dns: desired.dns.clone(),
        recipients: session.standing.trust.recipients.escrow.clone(),
        stack: stack.clone(),
    })
}

/// Every system that all services of the stack know; the one it runs on is among them.
fn images(
    session: &Session,
    stack: &DesiredStack,
) -> Result<BTreeMap<ImageName, Rendered>, ExitKitError> {
    let blueprints = &session.desired.blueprints;
    let of_services = stack
        .services
        .iter()
        .filter_map(|service| blueprints.get(&service.blueprint))
        .map(|blueprint| blueprint.images.keys().cloned().collect::<BTreeSet<_>>());
    let known = of_services
        .reduce(|a, b| a.intersection(&b).cloned().collect())
        .unwrap_or_default();
    let render = |image: &ImageName, key: &EstateKey| {
        services_alone(stack, blueprints, key, image).map_err(|source| ExitKitError::Render {
            stack: stack.id.to_string(),
            image: image.clone(),
            source: Box::new(source),
        })
    };
    let mut rendered = BTreeMap::new();
    for image in known {
        let real = render(&image, &session.key)?;
        let blank = render(&image, &EstateKey::placeholder())?;
        rendered.insert(image, Rendered { real, blank });
    }
    Ok(rendered)
}

/// Writes a kit with its runbook. A kit of the same stack that is there already is replaced
/// as a whole; anything else is left alone.
pub fn write(
    out: &Path,
    source: &Source,
    kit: &Kit,
    runbook: BTreeMap<String, Vec<u8>>,
    secrets: Secrets,
) -> Result<(), ExitKitError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ExitKitError::Write { path, source }
    };
    if secrets == Secrets::Plain
        && let Some(tree) = work_tree(out).map_err(failed(out))?
    {
        return Err(ExitKitError::Committable {
            path: out.to_owned(),
            tree,
        });
    }
    if !replaceable(out, kit) {
        return Err(ExitKitError::Foreign {
            path: out.to_owned(),
        });
    }
    let beside = |ending: &str| {
        let mut name = out.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let (new, old) = (beside(".new"), beside(".old"));
    for left in [&new, &old] {
        if left.exists() {
            fs::remove_dir_all(left).map_err(failed(left))?;
        }
    }
    // Said of the folder that was named, not of what is made beside it.
    fs::create_dir_all(&new).map_err(failed(out))?;
    let mut plain = kit.plain.clone();
    plain.extend(runbook);
    let sums = sums(&plain);
    plain.insert("SHA256SUMS".to_owned(), sums);
    for (path, content) in &plain {
        let path = new.join(path);
        let folder = path.parent().unwrap_or(&new);
        fs::create_dir_all(folder).map_err(failed(folder))?;
        fs::write(&path, content).map_err(failed(&path))?;
        if path.extension().is_some_and(|kind| kind == "sh") {
            fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(failed(&path))?;
        }
    }
    // Of no account where a kit is kept, so that it is in no sum.
    let ignored = new.join(".gitignore");
    fs::write(&ignored, "*\n").map_err(failed(&ignored))?;
    match secrets {
        Secrets::Sealed => {
            let archive = archive(&kit.sealed).map_err(|path| ExitKitError::Path { path })?;
            let sealed = seal(&archive, source.recipients.iter().map(String::as_str))?;
            let path = new.join(SEALED);
            fs::write(&path, sealed).map_err(failed(&path))?;
        }
        Secrets::Plain => {
            for (path, content) in &kit.sealed {
                write_private(&new.join("secrets").join(path), content)?;
            }
        }
    }
    if out.exists() {
        fs::rename(out, &old).map_err(failed(out))?;
    }
    fs::rename(&new, out).map_err(failed(out))?;
    if old.exists() {
        fs::remove_dir_all(&old).map_err(failed(&old))?;
    }
    Ok(())
}

/// The Git work tree that a folder lies in, or would lie in once it is made.
fn work_tree(out: &Path) -> std::io::Result<Option<PathBuf>> {
    let named = std::path::absolute(out)?;
    let there = named.ancestors().find(|path| path.exists());
    let real = there.unwrap_or(Path::new("/")).canonicalize()?;
    let mut above = real.ancestors();
    let tree = above.find(|path| path.join(".git").exists());
    Ok(tree.map(Path::to_owned))
}

/// Nothing is there, an empty folder, or a kit of the same stack.
fn replaceable(out: &Path, kit: &Kit) -> bool {
    let Ok(mut entries) = fs::read_dir(out) else {
        return !out.exists();
    };
    if entries.next().is_none() {
        return true;
    }
    let about = "data/kit.env";
    let stack = |text: &[u8]| text.split(|&byte| byte == b'\n').next().map(<[u8]>::to_vec);
    let there = fs::read(out.join(about)).ok();
    there.as_deref().and_then(stack) == kit.plain.get(about).and_then(|ours| stack(ours))
}
