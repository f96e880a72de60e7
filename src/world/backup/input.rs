//! Standard input of the scripts: TAB-separated lines, first word the kind.

use crate::model::machine::ServiceRuntime;
use crate::model::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Lines under construction; may hold secrets.
pub(super) struct Lines(Zeroizing<Vec<u8>>);

impl Lines {
    pub(super) fn new() -> Self {
        Self(Zeroizing::new(Vec::new()))
    }

    /// One line of plain words. A control character cannot start another field
    /// or line: it is replaced, and the script refuses the word.
    pub(super) fn words(mut self, words: &[&str]) -> Self {
        for (place, word) in words.iter().enumerate() {
            if place > 0 {
                self.0.push(b'\t');
            }
            for c in word.chars() {
                let c = if c.is_control() { '\u{fffd}' } else { c };
                self.0
                    .extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        self.0.push(b'\n');
        self
    }

    /// A kind and a free text, which travels as base64.
    pub(super) fn text(self, kind: &str, text: &str) -> Self {
        self.words(&[kind, &STANDARD.encode(text)])
    }

    /// A kind, plain words and a secret at the end.
    pub(super) fn secret(self, words: &[&str], secret: &Secret) -> Self {
        let encoded = Zeroizing::new(STANDARD.encode(secret.expose()));
        let mut all = words.to_vec();
        all.push(&encoded);
        self.words(&all)
    }

    /// The services with their declared state, without passwords.
    pub(super) fn services(mut self, services: &[ServiceRuntime]) -> Self {
        for service in services {
            self = self.service(service);
            for database in &service.databases {
                self = self.words(&[
                    "database",
                    service.name.as_str(),
                    database.engine.word(),
                    &database.name,
                ]);
            }
        }
        self
    }

    /// The services with their declared state, owners and passwords of databases.
    pub(super) fn services_with_passwords(mut self, services: &[ServiceRuntime]) -> Self {
        for service in services {
            self = self.service(service);
            for database in &service.databases {
                let owner = STANDARD.encode(&database.owner);
                self = self.secret(
                    &[
                        "database",
                        service.name.as_str(),
                        database.engine.word(),
                        &database.name,
                        &owner,
                    ],
                    &database.password,
                );
            }
        }
        self
    }

    /// The hooks that run around a backup.
    pub(super) fn backup_hooks(mut self, services: &[ServiceRuntime]) -> Self {
        for service in services {
            for (hook, _) in service.hooks.named() {
                if matches!(hook, "before-backup" | "after-backup") {
                    self = self.words(&["hook", service.name.as_str(), hook]);
                }
            }
        }
        self
    }

    fn service(mut self, service: &ServiceRuntime) -> Self {
        self = self.words(&["service", service.name.as_str()]);
        for state in &service.state {
            let path = STANDARD.encode(&state.path);
            self = self.words(&["files", service.name.as_str(), &path]);
        }
        self
    }

    pub(super) fn done(self) -> Secret {
        Secret::new(self.0.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn a_word_cannot_start_another_line() {
        let input = Lines::new()
            .words(&["stack", "a\nservice\tb"])
            .text("canary", "two\nlines")
            .done();
        assert_eq!(
            input.expose_text(),
            Some("stack\ta\u{fffd}service\u{fffd}b\ncanary\tdHdvCmxpbmVz\n")
        );
    }
}
