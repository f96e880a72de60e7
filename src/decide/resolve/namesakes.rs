//! Thresholds count people by their names, so one person must not look like two, nor two like one.

use crate::decide::document::likeness::forms;
use crate::decide::document::{Found, Table, codes, words};
use std::collections::BTreeMap;

/// A name of a list, and whose.
struct Taken {
    text: String,
    person: String,
}

/// All names of a list so far, of people and of their keys, by what they look like.
#[derive(Default)]
pub(super) struct Namesakes(BTreeMap<String, Taken>);

impl Namesakes {
    /// Complains where a signer's name or person looks like one of somebody else.
    pub fn meet(
        &mut self,
        table: &Table<'_>,
        name: &Found<String>,
        person: Option<&Found<String>>,
    ) {
        let whose = person.unwrap_or(name);
        let mut texts = vec![whose];
        texts.extend(person.map(|_| name));
        let clash = texts
            .iter()
            .find_map(|text| Some((*text, self.other(&text.value, &whose.value)?)));
        if let Some((text, taken)) = clash {
            let said = |text: &str, person: &str| {
                if text == person {
                    spelled(text)
                } else {
                    format!("{} of {}", spelled(text), spelled(person))
                }
            };
            let message = format!(
                "{} and {} cannot be told apart, and people are counted",
                said(&text.value, &whose.value),
                said(&taken.text, &taken.person)
            );
            let help = format!(
                "if it is one person, write person = {:?} for each of their keys; if not, give them names that differ to the eye",
                taken.person
            );
            table.report(codes::LOOKALIKE, &text.span, &message, Some(&help));
        }
        for text in texts {
            for form in forms(&text.value) {
                self.0.entry(form).or_insert_with(|| Taken {
                    text: text.value.clone(),
                    person: whose.value.clone(),
                });
            }
        }
    }

    fn other(&self, text: &str, person: &str) -> Option<&Taken> {
        forms(text)
            .iter()
            .filter_map(|form| self.0.get(form))
            .find(|taken| taken.person != person)
    }
}

/// A name in quotes; letters outside ASCII are named as well, since they may look like others.
fn spelled(name: &str) -> String {
    let foreign: Vec<String> = name
        .chars()
        .filter(|c| !c.is_ascii())
        .take(3)
        .map(|c| format!("U+{:04X}", u32::from(c)))
        .collect();
    let short = words::shorten(name);
    if foreign.is_empty() {
        format!("{short:?}")
    } else {
        format!("{short:?} (with {})", foreign.join(", "))
    }
}
