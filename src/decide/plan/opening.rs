//! From a loaded machine to users: checks, the gate, names, and a new chain of recovery points.

use super::backups::BackupMachine;
use super::draft::{Pen, because, because_of};
use super::newcomer::Newcomer;
use super::situation::Situation;
use super::ttl;
use super::view::{View, service_names};
use crate::decide::history::History;
use crate::model::ids::{HostName, MachineName, StackId, StepId};
use crate::model::observed::SeenMachine;
use crate::model::plan::{Action, Effect, Hold};

/// Check, open, name, back up: what comes after the data is there. Gives the step that opens.
///
/// `fenced` are the machines that must not write by then, `fences` the steps that see to it.
pub(super) fn open_and_resume(
    view: &View<'_>,
    machine: &Newcomer,
    loaded: &StepId,
    fenced: &[MachineName],
    fences: &[StepId],
    pen: &mut Pen<'_>,
) -> StepId {
    let name = &machine.name;
    let checked = pen.step(
        Action::Check {
            machine: name.clone(),
            services: service_names(view),
        },
        Effect::Safe,
        because("nobody gets in before the functional checks passed"),
        &[Some(loaded)],
    );
    // Whoever is fenced and comes back looks there for the mark of this epoch.
    let marked = match view.backup {
        BackupMachine::Ready { name, serves, .. } if !fenced.is_empty() => {
            repository(&view.at, view.past, name, serves.as_ref(), pen)
        }
        _ => None,
    };
    let after: Vec<Option<&StepId>> = [Some(&checked), marked.as_ref()]
        .into_iter()
        .chain(fences.iter().map(Some))
        .collect();
    let opened = pen.step(
        Action::Open {
            machine: name.clone(),
            epoch: machine.epoch,
            fenced: fenced.to_vec(),
        },
        Effect::Disruptive,
        because("checks passed and no other machine can write"),
        &after,
    );
    point_names(view, name, None, Some(&opened), pen);
    if let BackupMachine::Ready {
        name: to, serves, ..
    } = view.backup
    {
        let repository = repository(&view.at, view.past, to, serves.as_ref(), pen);
        pen.step(
            Action::Backup {
                machine: name.clone(),
                to: to.clone(),
                ahead: false,
            },
            Effect::Safe,
            because("a new machine begins a new chain of recovery points"),
            &[Some(&opened), repository.as_ref(), serves.as_ref()],
        );
    }
    opened
}

/// Where the stack has no points yet, or where its points did not go so far: the journal must
/// know which repository is in use.
pub(super) fn repository(
    at: &Situation<'_>,
    past: &History,
    to: &MachineName,
    serves: Option<&StepId>,
    pen: &mut Pen<'_>,
) -> Option<StepId> {
    let points = at.points.as_ref().ok()?;
    let in_use = past.repository_in_use(&at.stack.id);
    let elsewhere = in_use.is_some_and(|in_use| in_use != to);
    (points.is_empty() || elsewhere).then(|| {
        pen.step(
            Action::Repository {
                machine: to.clone(),
                like: at.answering_elsewhere().next().cloned(),
            },
            Effect::Safe,
            because("the stack has no recovery points there yet"),
            &[serves],
        )
    })
}

/// Names that do not point where they should.
pub(super) fn point_names(
    view: &View<'_>,
    name: &MachineName,
    seen: Option<&SeenMachine>,
    after: Option<&StepId>,
    pen: &mut Pen<'_>,
) {
    if view.want.dns.is_none() {
        return;
    }
    for service in &view.at.stack.services {
        let right = match (view.seen.names.get(&service.host), seen) {
            (Some(Ok(name)), Some(machine)) => name.leads_to(machine.address),
            (Some(Err(gap)), Some(_)) => {
                pen.gap(gap);
                true
            }
            _ => false,
        };
        if right {
            continue;
        }
        if let Some(owner) = reserved_for(view, &service.host) {
            pen.hold(
                format!("pointing {} at {name}", service.host),
                Hold::Forbidden {
                    rule: "S16".into(),
                    reason: format!(
                        "the name belongs to {owner}, whose definition is broken or gone"
                    ),
                },
                format!("mend stacks/{owner}.toml, or retire it, before the name changes hands"),
            );
        } else {
            pen.step(
                Action::Name {
                    host: service.host.clone(),
                    machine: name.clone(),
                    ttl: ttl::at_first(view, &service.host),
                },
                Effect::Disruptive,
                because_of(&service.place, "the name points elsewhere, or nowhere"),
                &[after],
            );
        }
    }
}

/// The stack that a name was last given to, while nobody can say that it gave the name up.
fn reserved_for<'a>(view: &View<'a>, host: &HostName) -> Option<&'a StackId> {
    let owner = view.past.names.get(host)?;
    let another = *owner != view.at.stack.id && !view.want.stacks.contains_key(owner);
    let ended = || {
        let machines: Vec<_> = view.past.of_stack(owner).collect();
        machines.iter().all(|(_, machine)| machine.set_aside)
    };
    (another && (view.want.broken.contains_key(owner) || !ended())).then_some(owner)
}
