//! The official clients and the published document against the lab's interface.

use super::document::Document;
use super::{Lab, TOKEN, order_body, public_key};
use hcloud::apis::configuration::Configuration;
use hcloud::apis::{
    actions_api, images_api, locations_api, server_types_api, servers_api, ssh_keys_api,
};
use hcloud::models;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[tokio::test]
async fn every_answer_is_as_the_published_document_says() {
    let Some(document) = Document::find() else {
        return;
    };
    let lab = Lab::start().await;
    let key = json!({"name": "me", "public_key": public_key(1), "labels": {"a": "b"}});
    let body = order_body("web", json!({"labels": {"a": "b"}, "ssh_keys": ["me"]}));
    let none = Value::Null;
    // method, path in the document, path asked, body; the ids are the lab's first ones
    for (method, template, path, body) in [
        ("post", "/ssh_keys", "/ssh_keys", key),
        ("post", "/servers", "/servers", body),
        ("post", "/servers", "/servers", json!({})),
        ("get", "/servers", "/servers", none.clone()),
        ("get", "/servers/{id}", "/servers/2", none.clone()),
        ("get", "/servers/{id}", "/servers/99", none.clone()),
        (
            "put",
            "/servers/{id}",
            "/servers/2",
            json!({"labels": {"c": "d"}}),
        ),
        (
            "post",
            "/servers/{id}/actions/shutdown",
            "/servers/2/actions/shutdown",
            none.clone(),
        ),
        (
            "post",
            "/servers/{id}/actions/change_protection",
            "/servers/2/actions/change_protection",
            json!({"delete": false, "rebuild": false}),
        ),
        (
            "post",
            "/servers/{id}/actions/change_type",
            "/servers/2/actions/change_type",
            json!({"server_type": "cx33", "upgrade_disk": false}),
        ),
        (
            "get",
            "/servers/{id}/actions",
            "/servers/2/actions",
            none.clone(),
        ),
        ("get", "/servers/actions", "/servers/actions", none.clone()),
        ("get", "/actions", "/actions?id=3", none.clone()),
        ("get", "/actions/{id}", "/actions/3", none.clone()),
        ("get", "/ssh_keys", "/ssh_keys", none.clone()),
        ("get", "/ssh_keys/{id}", "/ssh_keys/1", none.clone()),
        ("get", "/images", "/images", none.clone()),
        ("get", "/images/{id}", "/images/1012", none.clone()),
        ("get", "/server_types", "/server_types", none.clone()),
        (
            "get",
            "/server_types/{id}",
            "/server_types/114",
            none.clone(),
        ),
        ("get", "/locations", "/locations", none.clone()),
        ("get", "/locations/{id}", "/locations/1", none.clone()),
        (
            "post",
            "/servers/{id}/actions/rebuild",
            "/servers/2/actions/rebuild",
            json!({"image": "debian-12"}),
        ),
    ] {
        let (status, answer) = lab.ask(&method.to_uppercase(), path, body).await;
        let objections = document.objections(method, template, status, &answer);
        assert!(
            objections.is_empty(),
            "{method} {path}: {objections:#?}\n{answer:#}"
        );
        if template == "/servers" && status == 201 {
            lab.wait(&answer["next_actions"][0]).await;
        }
    }
}

#[tokio::test]
async fn the_rust_client_decodes_every_answer() {
    let lab = Lab::start().await;
    let mut client = Configuration::new();
    client.bearer_access_token = Some(TOKEN.into());
    client
        .base_path_mapping
        .insert("https://api.hetzner.cloud/v1".into(), lab.endpoint.clone());
    let key = ssh_keys_api::create_ssh_key(
        &client,
        ssh_keys_api::CreateSshKeyParams {
            create_ssh_key_request: models::CreateSshKeyRequest::new("me".into(), public_key(1)),
        },
    )
    .await
    .unwrap();
    let mut order =
        models::CreateServerRequest::new("debian-13".into(), "web".into(), "cx23".into());
    order.ssh_keys = Some(vec![key.ssh_key.id.to_string()]);
    order.labels = Some([("a".to_owned(), "b".to_owned())].into());
    let created = servers_api::create_server(
        &client,
        servers_api::CreateServerParams {
            create_server_request: order,
        },
    )
    .await
    .unwrap();
    let server = created.server.id;
    let start = created.next_actions[0].id;
    lab.wait(&json!({"id": start})).await;
    let ids = actions_api::GetMultipleActionsParams {
        id: vec![created.action.id, start],
    };
    let actions = actions_api::get_multiple_actions(&client, ids)
        .await
        .unwrap()
        .actions;
    assert!(
        actions
            .iter()
            .all(|a| a.status == models::action::Status::Success)
    );
    let query = servers_api::ListServersParams {
        label_selector: Some("a=b".into()),
        ..Default::default()
    };
    let list = servers_api::list_servers(&client, query).await.unwrap();
    assert_eq!(list.servers[0].status, models::server::Status::Running);
    let ipv4 = list.servers[0].public_net.ipv4.as_ref().unwrap();
    assert_eq!(ipv4.ip, "10.0.0.10");
    assert_eq!(
        images_api::list_images(&client, images_api::ListImagesParams::default())
            .await
            .unwrap()
            .images
            .len(),
        2
    );
    let types = server_types_api::ListServerTypesParams::default();
    assert!(
        !server_types_api::list_server_types(&client, types)
            .await
            .unwrap()
            .server_types
            .is_empty()
    );
    let places = locations_api::ListLocationsParams::default();
    assert_eq!(
        locations_api::list_locations(&client, places)
            .await
            .unwrap()
            .locations
            .len(),
        6
    );
    let off = servers_api::PowerOffServerParams { id: server };
    let off = servers_api::power_off_server(&client, off).await.unwrap();
    lab.wait(&json!({"id": off.action.id})).await;
    let gone = servers_api::DeleteServerParams { id: server };
    let gone = servers_api::delete_server(&client, gone).await.unwrap();
    lab.wait(&json!({"id": gone.action.unwrap().id})).await;
    assert_eq!(lab.fleet.names(), Vec::<String>::new());
}

/// Needs `python3` with `venv`, and a package index for `pip` the first time.
#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_works_unchanged() {
    let python = match python_with_hcloud() {
        Ok(python) => python,
        Err(reason) => {
            eprintln!("skipped: no official Python client: {reason}");
            return;
        }
    };
    let lab = Lab::start().await;
    let endpoint = lab.endpoint.clone();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/hcloud_client.py");
    let run = tokio::task::spawn_blocking(move || {
        Command::new(python)
            .arg(script)
            .env("HCLOUD_ENDPOINT", endpoint)
            .env("HCLOUD_TOKEN", TOKEN)
            .output()
            .unwrap()
    });
    let output: Output = run.await.unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("the official client is content"));
    assert_eq!(lab.fleet.names(), Vec::<String>::new());
}

/// An interpreter that can `import hcloud`, in a venv that is made once.
fn python_with_hcloud() -> Result<PathBuf, String> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-hcloud");
    let python = venv.join("bin/python");
    let works = |python: &Path| {
        let run = Command::new(python).args(["-c", "import hcloud"]).output();
        run.is_ok_and(|o| o.status.success())
    };
    if works(&python) {
        return Ok(python);
    }
    let step = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    };
    step(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    step(Command::new(&python).args(["-m", "pip", "install", "--quiet", "hcloud>=2.20,<3"]))?;
    Ok(python)
}
