//! S13: secrets reach machines through standard input only, and no message repeats them.

use crate::sample;
use async_trait::async_trait;
use holdfast::model::ids::MachineName;
use holdfast::model::secret::Secret;
use holdfast::world::machine::{Contact, MachineError, Script, Transport, verbs};
use serde_json::{Value, json};
use std::sync::Mutex;

type Answer = dyn Fn(&Script) -> Result<Vec<Value>, MachineError> + Send + Sync;

/// Keeps what it was asked and answers as told.
struct Recorder {
    seen: Mutex<Vec<(Script, Vec<u8>)>>,
    answer: Box<Answer>,
}

#[async_trait]
impl Transport for Recorder {
    async fn run(
        &self,
        _: &Contact,
        script: Script,
        input: &Secret,
    ) -> Result<Vec<Value>, MachineError> {
        let asked = (script, input.expose().to_vec());
        self.seen.lock().unwrap().push(asked);
        (self.answer)(&script)
    }
}

fn recorder(
    answer: impl Fn(&Script) -> Result<Vec<Value>, MachineError> + Send + Sync + 'static,
) -> Recorder {
    Recorder {
        seen: Mutex::default(),
        answer: Box::new(answer),
    }
}

fn contact() -> Contact {
    Contact {
        machine: MachineName::new("acme-e1"),
        address: "127.0.0.1".parse().unwrap(),
        port: 22,
        host_key: "ssh-ed25519 AAAA".into(),
    }
}

/// Every secret the sample holds, as text.
fn secrets() -> Vec<String> {
    let access = sample::access();
    let manifest = sample::site();
    [
        &access.password,
        &access.repository_password,
        &manifest.services[0].databases[0].password,
    ]
    .map(|secret| secret.expose_text().unwrap().to_owned())
    .to_vec()
}

#[test]
fn s13_debug_output_shows_no_secret() {
    let shown = format!("{:?} {:?}", sample::site(), sample::access());
    for secret in secrets() {
        assert!(!shown.contains(&secret));
    }
    assert!(shown.contains("Secret(…)"));
}

#[tokio::test]
async fn s13_scripts_are_the_same_whatever_the_customer() {
    let transport = recorder(|_| Ok(Vec::new()));
    let manifest = sample::site();
    let contact = contact();
    verbs::prepare(&transport, &contact, &manifest)
        .await
        .unwrap();
    verbs::install(&transport, &contact, &manifest)
        .await
        .unwrap();
    verbs::initialise(&transport, &contact, &manifest)
        .await
        .unwrap();
    verbs::start(&transport, &contact, &manifest).await.unwrap();
    let seen = transport.seen.into_inner().unwrap();
    assert_eq!(seen.len(), 4);
    for (script, input) in &seen {
        for word in secrets()
            .iter()
            .map(String::as_str)
            .chain(["acme", "site.acme"])
        {
            assert!(!script.text.contains(word), "{} names {word}", script.name);
        }
        // One line per item: nothing of the customer's can add a line or a field.
        for line in String::from_utf8(input.clone()).unwrap().lines() {
            assert!(line.split('\t').all(|field| !field.is_empty()), "{line}");
        }
    }
}

#[tokio::test]
async fn s13_what_an_application_complains_of_loses_its_passwords() {
    let password = secrets().pop().unwrap();
    let message = format!("installer: cannot log in as site with {password}");
    let transport = recorder(move |script| {
        Err(MachineError::Refused {
            machine: MachineName::new("acme-e1"),
            script: script.name,
            code: "hook".into(),
            message: message.clone(),
        })
    });
    let error = verbs::initialise(&transport, &contact(), &sample::site())
        .await
        .unwrap_err();
    assert!(
        !error.to_string().contains(&secrets().pop().unwrap()),
        "{error}"
    );
    assert!(
        error.to_string().contains("cannot log in as site with ("),
        "{error}"
    );
}

#[tokio::test]
async fn s13_the_detail_of_a_failed_check_loses_its_passwords() {
    let detail = format!("login {} rejected", secrets().pop().unwrap());
    let transport = recorder(move |_| {
        let result = |name: &str| json!({"service": "site", "name": name, "passed": false, "detail": detail, "millis": 1});
        Ok(vec![result("front page"), result("database answers")])
    });
    let manifest = sample::site();
    let results = verbs::check(&transport, &contact(), &manifest.services)
        .await
        .unwrap();
    assert_eq!(results.len(), 2);
    assert!(
        results
            .iter()
            .all(|result| !result.detail.contains(&secrets().pop().unwrap()))
    );
}

#[tokio::test]
async fn a_check_without_result_is_no_pass() {
    let transport = recorder(|_| Ok(Vec::new()));
    let manifest = sample::site();
    let answer = verbs::check(&transport, &contact(), &manifest.services).await;
    assert!(matches!(answer, Err(MachineError::Unreadable { .. })));
}
