//! Who may do what: the rules by which a commit is judged. Nothing here reads
//! an object, checks a signature or knows the time.

use super::resolve::trust;
use crate::model::authority::{Authority, Breach, Sides, When};
use crate::model::diagnostic::Diagnostic;
use crate::model::trust::{FILE, Signer, Threshold, Trust};
use ssh_key::public::KeyData;
use std::collections::BTreeSet;

/// The rules of this version.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules;

impl Authority for Rules {
    fn read(&self, bytes: &[u8]) -> Result<Trust, Vec<Diagnostic>> {
        let (list, findings) = trust::read(FILE, bytes);
        list.ok_or(findings)
    }

    fn admit<'t>(&self, list: &'t Trust, key: &KeyData, when: &When) -> Result<&'t Signer, Breach> {
        let signer = list.signer(key).ok_or(Breach::UnknownKey)?;
        if let Some(revoked) = &signer.revoked {
            return Err(Breach::Revoked {
                at: revoked.at,
                reason: revoked.reason.clone(),
            });
        }
        in_time(signer, when)?;
        Ok(signer)
    }

    fn allow(&self, list: &Trust, signer: &Signer, changed: &[String]) -> Result<(), Breach> {
        let role = list.roles.get(&signer.role);
        let paths: Vec<String> = changed
            .iter()
            .filter(|path| !role.is_some_and(|role| role.may_change(path)))
            .cloned()
            .collect();
        if paths.is_empty() {
            return Ok(());
        }
        let may: Vec<String> = role
            .iter()
            .flat_map(|role| &role.may)
            .map(ToString::to_string)
            .collect();
        Err(Breach::Paths {
            role: signer.role.clone(),
            may: if may.is_empty() {
                "nothing".to_owned()
            } else {
                may.join(", ")
            },
            paths,
        })
    }

    /// A plain merge takes from the other branch what only the other branch
    /// changed. Whatever else differs from a parent was decided in the merge:
    /// taking an old version from a branch that never touched the file would
    /// undo this parent's work by somebody who may not change the file.
    fn own_changes(&self, changed: &BTreeSet<String>, sides: &[Sides<'_>]) -> Vec<String> {
        let brought = |path: &String| {
            sides
                .iter()
                .any(|side| !side.ours.contains(path) && !side.theirs.contains(path))
        };
        changed
            .iter()
            .filter(|path| !brought(path))
            .cloned()
            .collect()
    }

    fn approvers<'t>(
        &self,
        list: &'t Trust,
        signer: Option<&Signer>,
        approvals: &[KeyData],
        when: &When,
    ) -> Vec<Result<&'t Signer, Breach>> {
        let mut counted: BTreeSet<&str> = BTreeSet::new();
        let mut judge = |key: &KeyData| {
            let approver = self.admit(list, key, when)?;
            if signer.is_some_and(|signer| signer.person == approver.person) {
                return Err(Breach::OwnApproval);
            }
            if !counted.insert(&approver.person) {
                return Err(Breach::Repeated {
                    person: approver.person.clone(),
                });
            }
            Ok(approver)
        };
        approvals.iter().map(&mut judge).collect()
    }

    fn suffice(
        &self,
        list: &Trust,
        threshold: &Threshold,
        signer: Option<&Signer>,
        approvers: &[&Signer],
    ) -> Result<(), Breach> {
        let fits = |signer: &Signer| threshold.counts(signer);
        let people: BTreeSet<&str> = signer
            .into_iter()
            .chain(approvers.iter().copied())
            .filter(|signer| fits(signer))
            .map(|signer| signer.person.as_str())
            .collect();
        let need = usize::from(threshold.signers);
        if people.len() >= need {
            return Ok(());
        }
        let could = list
            .signers
            .iter()
            .filter(|other| fits(other) && other.revoked.is_none())
            .filter(|other| !people.contains(other.person.as_str()))
            .map(|other| other.name.clone())
            .collect();
        Err(Breach::Approvals {
            have: people.len(),
            need,
            could,
        })
    }

    fn outlived(&self, head: &Trust, key: &KeyData, behind: bool) -> Result<(), Breach> {
        match head.signer(key).and_then(|signer| signer.revoked.as_ref()) {
            Some(revoked) if !behind => Err(Breach::RevokedSince {
                at: revoked.at,
                reason: revoked.reason.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// The start of validity is judged by the present, which is never before the
/// first sight; the end by the first sight; the date in the act must fit as well.
fn in_time(signer: &Signer, when: &When) -> Result<(), Breach> {
    let earliest = when.first_seen.unwrap_or(when.now);
    if let Some(from) = signer.from
        && earliest < from
    {
        return Err(Breach::TooEarly { from });
    }
    if let (Some(until), Some(seen)) = (signer.until, when.first_seen)
        && seen > until
    {
        return Err(Breach::Expired { until, seen });
    }
    if let Some(at) = when.dated
        && (signer.from.is_some_and(|from| at < from)
            || signer.until.is_some_and(|until| at > until))
    {
        return Err(Breach::Dated {
            at,
            from: signer.from,
            until: signer.until,
        });
    }
    Ok(())
}
