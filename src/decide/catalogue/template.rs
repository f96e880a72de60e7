//! Templates are tried when they are read, so that a typo is found in a commit and not on a machine.

use crate::decide::document::words::Form;
use crate::decide::document::{Document, Found, codes, suggest};
use minijinja::{Environment, UndefinedBehavior, context};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Longest text that becomes a name, path or mode. What is tried here comes from commits that
/// nobody has judged yet (a pull request), so it must end soon and stay small.
const LENGTH: usize = 1000;
/// Instructions of such a text.
const FUEL: u64 = 10_000;
/// Longest expression of a template file: chains of operators and attributes are compiled
/// recursively, and ten thousand of them would overflow the stack.
const EXPRESSION: usize = 500;

/// What a blueprint's texts may refer to.
pub(super) struct Names {
    pub settings: BTreeSet<String>,
    pub secrets: BTreeSet<String>,
    pub image: BTreeSet<String>,
}

impl Names {
    fn all(&self) -> BTreeSet<String> {
        let fixed = [
            "stack.id",
            "stack.name",
            "stack.language",
            "service.name",
            "service.host",
        ];
        fixed
            .into_iter()
            .map(str::to_owned)
            .chain(self.settings.iter().map(|n| format!("settings.{n}")))
            .chain(self.secrets.iter().map(|n| format!("secrets.{n}")))
            .chain(self.image.iter().map(|n| format!("image.{n}")))
            .collect()
    }

    /// Is the text a template whose every variable exists? Otherwise why not.
    pub fn check(&self, text: &str) -> Result<(), (String, Option<String>)> {
        if multiplies(text) {
            let help = "write what is meant in full; compiling would do the multiplication";
            return Err(("the template multiplies".to_owned(), Some(help.to_owned())));
        }
        if expressions(text).any(|expression| expression.len() > EXPRESSION) {
            return Err((
                format!("the template has an expression of more than {EXPRESSION} bytes"),
                Some("take it apart with {% set %}".to_owned()),
            ));
        }
        let environment = Environment::new();
        let template = environment
            .template_from_str(text)
            .map_err(|error| (format!("the template is broken: {}", plain(&error)), None))?;
        let known = self.all();
        let mut used: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        used.sort();
        for name in used {
            let root = name.split('.').next().unwrap_or_default();
            let ours = matches!(root, "stack" | "service" | "settings" | "secrets" | "image");
            // Names without our roots may be functions of the template language.
            if (ours || !name.contains('.') && !is_function(&name)) && !known.contains(&name) {
                let help = suggest(&name, known.iter().map(String::as_str));
                return Err((
                    format!("the template uses `{name}`, which does not exist"),
                    help,
                ));
            }
        }
        Ok(())
    }
}

/// What stands between `{{` and `}}`, or `{%` and `%}`; what is not closed reaches to the end.
fn expressions(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let at = rest.match_indices('{').map(|(at, _)| at);
        let open = at.into_iter().find(|&at| {
            let next = rest.as_bytes().get(at + 1);
            matches!(next, Some(b'{' | b'%'))
        })?;
        let inner = rest.get(open + 2..)?;
        let closing = if rest.as_bytes().get(open + 1) == Some(&b'{') {
            "}}"
        } else {
            "%}"
        };
        let end = inner.find(closing).unwrap_or(inner.len());
        rest = inner.get(end..).unwrap_or_default();
        inner.get(..end)
    })
}

fn is_variable(expression: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' ');
    expression.chars().all(inner)
}

/// The template language works out constant expressions when it compiles, before any fuel
/// counts: `"x" * 99999999` a few thousand times would take all memory.
fn multiplies(text: &str) -> bool {
    expressions(text).any(|expression| expression.contains('*'))
}

fn is_function(name: &str) -> bool {
    matches!(
        name,
        "range" | "dict" | "namespace" | "debug" | "loop" | "self" | "caller"
    )
}

/// Checks a template file's text; findings stand at the key that names the file.
pub(super) fn check_file(
    document: &Document<'_>,
    names: &Names,
    span: &Range<usize>,
    file: &str,
    text: &str,
) {
    if let Err((message, help)) = names.check(text) {
        document.report(
            codes::TEMPLATE,
            span,
            &format!("{file}: {message}"),
            help.as_deref(),
        );
    }
}

/// Checks a text of `blueprint.toml` itself.
pub(super) fn check_text(document: &Document<'_>, names: &Names, found: &Found<String>) -> bool {
    match names.check(&found.value) {
        Ok(()) => true,
        Err((message, help)) => {
            document.report(codes::TEMPLATE, &found.span, &message, help.as_deref());
            false
        }
    }
}

/// Checks that a text has its form on every image, with sample values for what the stack decides.
pub(super) fn check_form(
    document: &Document<'_>,
    names: &Names,
    images: &BTreeMap<String, BTreeMap<String, String>>,
    form: &Form,
    found: &Found<String>,
) {
    if found.value.len() > LENGTH || expressions(&found.value).any(|e| !is_variable(e)) {
        let message = format!("a value here holds at most {LENGTH} bytes, and variables only");
        let help = Some("write {{ image.php }}; filters and statements are for template files");
        document.report(codes::TEMPLATE, &found.span, &message, help);
        return;
    }
    if !check_text(document, names, found) {
        return;
    }
    let sample = |set: &BTreeSet<String>| -> BTreeMap<String, String> {
        set.iter()
            .map(|n| (n.clone(), "sample".to_owned()))
            .collect()
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    for (image, variables) in images {
        let context = context! {
            stack => context! { id => "sample", name => "Sample", language => "en" },
            service => context! { name => "sample", host => "sample.example" },
            settings => sample(&names.settings),
            secrets => sample(&names.secrets),
            image => variables,
        };
        match environment.render_str(&found.value, context) {
            Ok(text) if form.fits(&text) => {}
            Ok(text) => {
                let message = format!("{text:?} (on {image}) is not {}", form.what());
                let help = format!("allowed: {}", form.rule());
                document.report(codes::MALFORMED, &found.span, &message, Some(&help));
                return;
            }
            Err(error) => {
                let message = format!(
                    "the template cannot be rendered on {image}: {}",
                    plain(&error)
                );
                document.report(codes::TEMPLATE, &found.span, &message, None);
                return;
            }
        }
    }
}

fn plain(error: &minijinja::Error) -> String {
    let what = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("{what} (line {line} of the template)"),
        None => what,
    }
}
