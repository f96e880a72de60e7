//! A plan as a comment: bounded, inert, the worst first.

use super::plan_world::{HETZNER, IONOS, World, acme};
use holdfast::model::diagnostic::Place;
use holdfast::model::forecast::Forecast;
use holdfast::model::gap::{Gap, GapKind};
use holdfast::model::ids::{HostName, MachineName, StackId, StepId};
use holdfast::model::plan::{Action, Effect, FenceBy, Held, Hold, LineChange, Plan, Step, Why};
use holdfast::show::views::markdown::{LIMIT, markdown};
use proptest::prelude::*;
use std::sync::OnceLock;

fn empty() -> Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| World::running(acme(HETZNER)).plan().plan().clone())
        .clone()
}

fn step(stack: &str, effect: Effect, text: &str) -> Step {
    let machine = MachineName::new(format!("{stack}-e1"));
    let action = match effect {
        Effect::Safe => Action::Prepare { machine },
        Effect::Disruptive => Action::Name {
            host: HostName::new(text),
            machine,
            ttl: None,
        },
        Effect::Destructive => Action::Fence {
            machine,
            by: FenceBy::PowerOff,
        },
    };
    let mut why = empty_why();
    text.clone_into(&mut why.reason);
    why.place = Some(Place {
        file: format!("stacks/{stack}.toml"),
        line: 7,
        column: 1,
    });
    why.line = Some(LineChange {
        before: Some(text.to_owned()),
        after: None,
    });
    Step {
        id: StepId::new(format!("{stack}.{}.{stack}-e1", action.verb())),
        stack: Some(StackId::new(stack)),
        action,
        effect,
        why,
        after: Vec::new(),
        forecast: Forecast::default(),
    }
}

fn empty_why() -> Why {
    static WHY: OnceLock<Why> = OnceLock::new();
    WHY.get_or_init(|| {
        let plan = World::before_the_first_day(acme(HETZNER)).draft();
        plan.steps[0].why.clone()
    })
    .clone()
}

fn held(stack: &str, text: &str) -> Held {
    Held {
        stack: Some(StackId::new(stack)),
        wanted: text.to_owned(),
        hold: Hold::NotObserved {
            gap: Gap::new(GapKind::Unreachable, text, text),
        },
        remedy: text.to_owned(),
    }
}

/// Nothing of it can be structure, a link, a mention or a reference.
fn is_inert(page: &str) {
    let own = [
        "<code>",
        "</code>",
        "<br>",
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
        "<!-- holdfast plan -->",
    ];
    let mut rest = page.replace("`--format json`, `--out`", "");
    assert!(!rest.contains('`'), "{page}");
    for tag in own {
        rest = rest.replace(tag, "");
    }
    assert!(!rest.contains('<') && !rest.contains('>'), "{page}");
    assert!(!rest.contains('@') && !rest.contains("://"), "{page}");
    assert_eq!(
        page.matches("<details>").count(),
        page.matches("</details>").count()
    );
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let bars = line.matches('|').count();
        assert!((3..=5).contains(&bars), "{bars} bars in {line}");
    }
    for char in rest.chars() {
        assert!(char == '\n' || !char.is_control(), "{char:?}");
    }
    // Outside of code, an invisible space stands after what would ping even as a reference.
    let mut prose = page;
    let mut outside = String::new();
    while let Some((before, after)) = prose.split_once("<code>") {
        outside.push_str(before);
        prose = after.split_once("</code>").unwrap().1;
    }
    outside.push_str(prose);
    for sign in ["&#64;", "&#35;", "&#33;"] {
        for (at, _) in outside.match_indices(sign) {
            assert!(
                outside[at + sign.len()..].starts_with("&#8203;"),
                "{outside}"
            );
        }
    }
}

const EVIL: [&str; 6] = [
    "</details><script>alert(1)</script>",
    "a | b || c \\| d",
    "`code` ```\n```sh\nrm -rf /\n```",
    "@everyone @org/team #1 !2 GH-3 ![x](http://evil.example/p.png) [x](javascript:1)",
    "\n/close\n# heading\n- [ ] task\n<!-- ",
    "\u{202e}txt.exe \u{0007} \u{200b} www.evil.example mailto:a@b.example &#64;you &lt;b&gt;",
];

#[test]
fn what_others_wrote_cannot_break_out_or_ping_anybody() {
    for evil in EVIL {
        let mut plan = empty();
        for effect in [Effect::Safe, Effect::Disruptive, Effect::Destructive] {
            plan.steps.push(step(evil, effect, evil));
        }
        plan.held.push(held(evil, evil));
        plan.gaps.push(Gap::new(GapKind::Denied, evil, evil));
        plan.not_observed.push(evil.to_owned());
        is_inert(&markdown(&plan));
    }
}

#[test]
fn ten_thousand_stacks_fit_with_the_worst_first() {
    let mut plan = empty();
    for number in 0..10_000 {
        let effect = match number % 100 {
            0 => Effect::Destructive,
            1..=50 => Effect::Disruptive,
            _ => Effect::Safe,
        };
        plan.steps
            .push(step(&format!("customer-{number:05}"), effect, "a reason"));
    }
    for number in 0..2_000 {
        plan.held
            .push(held(&format!("held-{number:05}"), "something"));
    }
    let page = markdown(&plan);
    assert!(page.len() < LIMIT, "{}", page.len());
    is_inert(&page);
    let at = |text: &str| {
        page.find(text)
            .unwrap_or_else(|| panic!("no {text} in\n{page}"))
    };
    assert!(at("10000 steps to do") < at("fence customer-00000-e1"));
    assert!(at("<code>customer-00000</code>: 1 step, destructive") < at("Held (2000)"));
    assert!(at("Held (2000)") < at("1 step, disruptive"));
    assert!(page.contains("more stacks with"), "{page}");
    assert!(page.contains("The full plan is the artefact of this run"));
    assert!(page.len() > LIMIT / 2, "the room is used: {}", page.len());
}

#[test]
fn the_whole_of_a_small_plan_is_shown() {
    let mut world = World::running(acme(HETZNER));
    world.now_wants(acme(IONOS));
    let page = markdown(world.plan().plan());
    assert!(!page.contains("Not everything is shown"), "{page}");
    is_inert(&page);
    insta::with_settings!({ snapshot_path => "../golden", omit_expression => true }, {
        insta::assert_snapshot!("plan_markdown_move", page);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_plan_is_too_long_or_breaks_out(
        words in prop::collection::vec("\\PC{0,400}|[<>|`@#&/a-z\\n]{0,300}", 1..6),
        sizes in (0_usize..400, 0_usize..400, 0_usize..400),
    ) {
        let mut plan = empty();
        let word = |n: usize| words[n % words.len()].as_str();
        for n in 0..sizes.0 {
            let effect = [Effect::Safe, Effect::Disruptive, Effect::Destructive][n % 3];
            let mut step = step(word(n), effect, word(n + 1));
            step.stack = Some(StackId::new(format!("{}{}", word(n), n / 7)));
            plan.steps.push(step);
        }
        plan.held.extend((0..sizes.1).map(|n| held(word(n), word(n + 1))));
        plan.gaps.extend((0..sizes.2).map(|n| Gap::new(GapKind::Denied, word(n), word(n + 1))));
        let page = markdown(&plan);
        prop_assert!(page.len() < LIMIT);
        prop_assert!(page.encode_utf16().count() < LIMIT);
        is_inert(&page);
        prop_assert_eq!(page, markdown(&plan));
    }
}
