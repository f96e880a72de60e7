//! Texts of blueprints, rendered: strict about what is undefined, nothing escaped by itself.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

/// Instructions of one template, far beyond any real one; an endless loop ends here and holds
/// its own stack, not the run (S16).
const FUEL: u64 = 1_000_000;

/// A minijinja environment as blueprints expect it.
#[derive(Debug)]
pub struct Templates(Environment<'static>);

impl Templates {
    /// Undefined is an error; the filters `shell_quote` and `php_quote` exist.
    pub fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_syntax(syntax());
        environment.set_fuel(Some(FUEL));
        // With it, errors would carry the variables, and so the secrets (S13).
        environment.set_debug(false);
        environment.add_filter("shell_quote", |text: String| shell_quote(&text));
        environment.add_filter("php_quote", |text: String| php_quote(&text));
        Self(environment)
    }

    /// Renders `text`; an error names the line and what is wrong there, never a value.
    pub fn render(&self, text: &str, variables: &Value) -> Result<String, String> {
        // Most texts of a blueprint are names and modes, with nothing to be filled in.
        if !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
            return Ok(text.to_owned());
        }
        let mut rendered = self.0.render_str(text, variables).map_err(|error| {
            let line = error
                .line()
                .map_or(String::new(), |n| format!("line {n}: "));
            let detail = error
                .detail()
                .map_or(String::new(), |detail| format!(": {detail}"));
            format!("{line}{}{detail}", error.kind())
        })?;
        // It is given room for twice the template.
        rendered.shrink_to_fit();
        Ok(rendered)
    }
}

impl Default for Templates {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(
    clippy::expect_used,
    reason = "only delimiters can be refused, and those stay as they are"
)]
fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .build()
        .expect("the usual delimiters are accepted")
}

/// One word for POSIX sh, in single quotes.
pub fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A PHP string literal in single quotes, where only `\` and `'` are special.
pub fn php_quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}
