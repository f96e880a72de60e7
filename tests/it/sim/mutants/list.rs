//! The guards that are taken out, one at a time. Where two guard the same (the planner does not
//! plan it, and the check refuses it), both go together: either alone is missed by nobody, which
//! is what two are for.

/// A file under `src`, a text in it with the guard between marks, and what stands there without it.
type Patch = (&'static str, &'static str, &'static str);

/// What is taken out, as what is believed or done without it.
pub struct Mutant {
    pub name: &'static str,
    pub rule: &'static str,
    pub patches: &'static [Patch],
}

pub const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "a hoster that does not answer lists nothing",
        rule: "S1",
        patches: &[
            (
                "flow/observe.rs",
                "tasks.spawn(async move { «(id, hoster.observe(&estate).await)» });",
                "(id, Ok(hoster.observe(&estate).await.unwrap_or_default()))",
            ),
            // What a look at a silent hoster would be kept from by its own words.
            (
                "decide/plan/situation.rs",
                "Some(Err(gap)) => «gaps.push(gap.clone())»",
                "",
            ),
        ],
    },
    Mutant {
        name: "a machine that does not answer is gone",
        rule: "S1",
        patches: &[
            (
                "decide/plan/situation.rs",
                "(_, Some(Err(gap))) => «WriterState::Unseen(gap.clone())»",
                "WriterState::Gone",
            ),
            (
                "decide/plan/situation.rs",
                "«WriterState::Silent(gap)»\n            }",
                "WriterState::Gone",
            ),
            (
                "decide/check.rs",
                "if «matches!(by, FenceBy::Gone) && self.machines.contains_key(machine)» {",
                "false",
            ),
        ],
    },
    Mutant {
        name: "an ordered machine that does not answer is not there",
        rule: "S1",
        patches: &[(
            "world/hoster/pool.rs",
            "Err(gap) => «inventory.unseen.push(Unseen {\n                    provider_id: machine.name.to_string(),\n                    gap,\n                })»",
            "drop(gap)",
        )],
    },
    Mutant {
        name: "points that cannot be listed are none",
        rule: "S1",
        patches: &[
            (
                "flow/observe.rs",
                "let judged = «listed.and_then(|listed| judged(session, &id, listed))»;",
                "Ok(listed.and_then(|listed| judged(session, &id, listed)).unwrap_or_default())",
            ),
            (
                "flow/observe.rs",
                "_ => «Err(Gap::new(\n            GapKind::Unreachable,\n            format!(\"recovery points of {stack}\"),\n            format!(\"backup machine {machine} is not to be seen\"),\n        ))»",
                "Ok(Vec::new())",
            ),
        ],
    },
    Mutant {
        name: "a rebuild fences nobody",
        rule: "S2",
        patches: &[
            (
                "decide/plan/rebuild.rs",
                "let fenced = «fence_step».map(|by| {",
                "None::<FenceBy>",
            ),
            ("decide/check.rs", "«!recorded && !fenced_before»", "false"),
            (
                "flow/apply/opening.rs",
                "for rival in «must_be_fenced» {",
                "&must_be_fenced[..0]",
            ),
        ],
    },
    Mutant {
        name: "a power-off that nobody confirmed counts",
        rule: "S2",
        patches: &[
            (
                "flow/fence.rs",
                "Outcome::Unknown(fault) => «Err(Unfenced::Unknown(fault))»",
                "Ok(fault.message)",
            ),
            ("flow/apply/opening.rs", "if «on» {", "false"),
        ],
    },
    Mutant {
        name: "a power-off that was refused counts",
        rule: "S2",
        patches: &[
            (
                "flow/fence.rs",
                "Outcome::Refused(refusal) => «Err(Unfenced::Refused(refusal))»",
                "Ok(refusal.message)",
            ),
            ("flow/apply/opening.rs", "if «on» {", "false"),
        ],
    },
    Mutant {
        name: "whoever comes back may stay",
        rule: "S2",
        patches: &[(
            "decide/plan/fencing.rs",
            "if «machine.epoch >= epoch || machine.name == *writer» {",
            "true",
        )],
    },
    Mutant {
        name: "a fence that was undone is one",
        rule: "S2",
        patches: &[
            (
                "decide/plan/rebuild.rs",
                "let still_fenced = «in_flight && writer.seen.is_none_or(|m| m.power == Power::Off)»;",
                "in_flight",
            ),
            ("flow/apply/opening.rs", "if «on» {", "false"),
            (
                "decide/check.rs",
                ".is_none_or(|m| «m.power == Power::Off»);\n                let fenced_before",
                "true",
            ),
        ],
    },
    Mutant {
        name: "data goes onto the machine in use",
        rule: "S4",
        patches: &[
            (
                "decide/plan/situation.rs",
                ".rfind(|m| «!m.quarantined && writer.as_ref().is_none_or(|w| m.epoch > w.epoch)»)",
                "!m.quarantined",
            ),
            ("decide/check.rs", "«opened».then(|| (\"S4\"", "false"),
        ],
    },
    Mutant {
        name: "a machine filled from another point is as good",
        rule: "S4",
        patches: &[(
            "decide/plan/newcomer.rs",
            "Filling::Point(point) => «held != Some(point.as_str())»",
            "false",
        )],
    },
    Mutant {
        name: "another machine is made beside the half-made one",
        rule: "S6",
        patches: &[(
            "decide/plan/newcomer.rs",
            "if let Some(candidate) = «view.at.candidate» {",
            "None::<&SeenMachine>",
        )],
    },
    Mutant {
        name: "nobody looks what a crash left out",
        rule: "S6",
        patches: &[(
            "decide/adoption.rs",
            "«may_be_lost(past)\n                || past.unfinished.contains(&intent)\n                || past.orders.took(&machine.name, &machine.provider_id)»",
            "may_be_lost(past)",
        )],
    },
    Mutant {
        name: "a drill's machine is left",
        rule: "S6",
        patches: &[(
            "decide/plan/drill.rs",
            "for machine in machines.filter(|m| «m.role == Role::Drill») {",
            "false",
        )],
    },
    Mutant {
        name: "a label is as good as a receipt",
        rule: "S7",
        patches: &[(
            "decide/adoption.rs",
            "«may_be_lost(past)\n                || past.unfinished.contains(&intent)\n                || past.orders.took(&machine.name, &machine.provider_id)»",
            "true",
        )],
    },
    Mutant {
        name: "what has no name is free, whatever it holds",
        rule: "S7",
        patches: &[(
            "world/hoster/pool.rs",
            "if «facts.holds.is_empty()» {",
            "true",
        )],
    },
    Mutant {
        name: "many are rebuilt at once",
        rule: "S8",
        patches: &[(
            "decide/plan/permission.rs",
            "if let Some(reason) = «view.brake.filter(|_| !approved)» {",
            "None::<&str>",
        )],
    },
    Mutant {
        name: "machines that are off are no suspects",
        rule: "S8",
        patches: &[(
            "decide/plan/brake.rs",
            "«matches!(\n        writer.state,\n        WriterState::Gone | WriterState::OffForGood(_) | WriterState::Off | WriterState::Silent(_)\n    )»",
            "matches!(writer.state, WriterState::Gone)",
        )],
    },
    Mutant {
        name: "a point that was never read back is believed",
        rule: "S10",
        patches: &[(
            "decide/plan/situation.rs",
            ".filter(|point| «point.rung >= Rung::Shipped»)",
            "true",
        )],
    },
    Mutant {
        name: "a point is taken that was never read back",
        rule: "S11",
        patches: &[
            (
                "decide/plan/rebuild.rs",
                "repositories::choose(serving, view.at.elsewhere, «ENOUGH»)",
                "Rung::Taken",
            ),
            (
                "decide/check/restore.rs",
                "let enough = |p: &&RecoveryPoint| holds(p, «Rung::Shipped»);",
                "Rung::Taken",
            ),
        ],
    },
    Mutant {
        name: "users are let in although a check failed",
        rule: "S15",
        patches: &[("flow/apply/drill.rs", "if «failed.is_empty()» {", "true")],
    },
    Mutant {
        name: "a stack that the journal forgot begins empty",
        rule: "S15",
        patches: &[
            (
                "decide/plan/situation.rs",
                "let (epoch, name) = «known.or(told)»?;",
                "known",
            ),
            (
                "decide/check/restore.rs",
                "        «problems»\n    }\n\n    /// S11: an observed point",
                "Vec::<Problem>::new()",
            ),
        ],
    },
    Mutant {
        name: "a repository goes before it was copied",
        rule: "S3",
        patches: &[
            (
                "decide/plan/discard.rs",
                "let reasons = never_the_last(view, machine, points);\n    if «!reasons.is_empty()» {",
                "false",
            ),
            (
                "decide/check.rs",
                "«keepsake::of_a_repository(stack, machine, points, self.seen, self.past)»",
                "Vec::new()",
            ),
        ],
    },
    Mutant {
        name: "points go while the newest look encrypted",
        rule: "S12",
        patches: &[(
            "decide/doubt.rs",
            "«doubts.extend(looks_wrong(points, &holdings.shapes, right).map(|wrong| wrong.to_string()));»",
            "",
        )],
    },
    Mutant {
        name: "points go while none is recent",
        rule: "S12",
        patches: &[
            (
                "decide/doubt.rs",
                "«doubts.extend(not_recent(points, seen.at));»",
                "",
            ),
            (
                "decide/plan/forget.rs",
                "if «!writer.is_some_and(|writer| matches!(writer.state, WriterState::Answers(_)))» {",
                "false",
            ),
            (
                "decide/plan/forget.rs",
                "let held = held.filter(|held| «held.stack.as_ref() == Some(&stack.id) && held.wanted != JUNK»);",
                "held.stack.is_none() && held.stack.is_some()",
            ),
        ],
    },
    Mutant {
        name: "points go while damage stands",
        rule: "S12",
        patches: &[(
            "decide/doubt.rs",
            "let mut doubts: Vec<String> = «found.map(|words| format!(\"damage: {words}\")).collect()»;",
            "Vec::new()",
        )],
    },
    Mutant {
        name: "production goes where its only points are",
        rule: "S14",
        patches: &[(
            "decide/plan/stack.rs",
            "else if let Some(reason) = «former::falls_together(view, placement)» {",
            "None::<String>",
        )],
    },
    Mutant {
        name: "another hoster's trouble is this customer's",
        rule: "S16",
        patches: &[(
            "decide/plan/situation.rs",
            "let forgotten = «has_points && remembered.is_empty()»;",
            "has_points",
        )],
    },
    Mutant {
        name: "nothing marks that another has taken over",
        rule: "S2",
        patches: &[(
            "flow/apply/opening.rs",
            "if «!must_be_fenced.is_empty()» {",
            "false",
        )],
    },
    Mutant {
        name: "who has lost the lease goes on",
        rule: "S2",
        patches: &[
            (
                "decide/lease.rs",
                "    «lease.token == token && now < lease.until»\n",
                "true",
            ),
            (
                "flow/held.rs",
                "if let Err(error) = «self.ledger.held()» {",
                "Ok::<(), crate::world::store::StoreError>(())",
            ),
            (
                "flow/book.rs",
                "            Self::Writing(journal) => «journal.0.ledger.held()»,",
                "Ok(())",
            ),
            (
                "flow/book.rs",
                "            Self::Writing(journal) => «journal.0.ledger.lost().await»,",
                "std::future::pending().await",
            ),
        ],
    },
    Mutant {
        name: "a plan holds, whatever has changed",
        rule: "S5",
        patches: &[
            (
                "flow/apply/mod.rs",
                "    if «!changes.is_empty()» {\n        return Err(StaleBasis",
                "false",
            ),
            (
                "flow/exactly.rs",
                "now.plan.plan()));\n    if «!changes.is_empty()» {",
                "false",
            ),
        ],
    },
    Mutant {
        name: "nobody looks once more before users are let in",
        rule: "S2",
        patches: &[("flow/apply/opening.rs", "if «on» {", "false")],
    },
];
