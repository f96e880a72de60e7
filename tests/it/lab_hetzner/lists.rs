//! Lists: selecting, sorting, paging, and what the catalogue offers.

use super::{Lab, public_key};
use serde_json::{Value, json};

/// Query parameters, names expected.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

async fn names(lab: &Lab, list: &str, query: &[(&str, &str)]) -> Vec<String> {
    let url = reqwest::Url::parse_with_params(&format!("{}/{list}", lab.endpoint), query).unwrap();
    let path = format!("/{list}?{}", url.query().unwrap_or_default());
    let body = lab.get(&path).await;
    let items = body[list].as_array().unwrap();
    let names = items.iter().map(|i| i["name"].as_str().unwrap().to_owned());
    names.collect()
}

#[tokio::test]
async fn servers_are_selected_filtered_and_sorted() {
    let lab = Lab::start().await;
    for (name, labels) in [
        ("c", json!({"env": "prod", "role": "db"})),
        ("a", json!({"env": "prod"})),
        ("b", json!({"env": "test", "role": "web"})),
    ] {
        lab.order_with(name, json!({"labels": labels})).await;
    }
    let off = lab.get("/servers?name=b").await["servers"][0]["id"]
        .as_i64()
        .unwrap();
    lab.act(off, "poweroff", Value::Null).await;
    let cases: [Case; 17] = [
        (&[], &["c", "a", "b"]),
        (&[("sort", "name")], &["a", "b", "c"]),
        (&[("sort", "name:desc")], &["c", "b", "a"]),
        (&[("sort", "id:desc")], &["b", "a", "c"]),
        (&[("name", "a")], &["a"]),
        (&[("name", "z")], &[]),
        (&[("status", "off")], &["b"]),
        (
            &[("status", "off"), ("status", "running")],
            &["c", "a", "b"],
        ),
        (&[("label_selector", "env=prod")], &["c", "a"]),
        (&[("label_selector", "env==prod,role")], &["c"]),
        (&[("label_selector", "env!=prod")], &["b"]),
        (&[("label_selector", "!role")], &["a"]),
        (&[("label_selector", "role in (db,web)")], &["c", "b"]),
        (&[("label_selector", "role notin (db)")], &["a", "b"]),
        (
            &[("label_selector", "role notin (db), env in (test)")],
            &["b"],
        ),
        (&[("label_selector", "env=prod"), ("status", "off")], &[]),
        (&[("label_selector", "")], &["c", "a", "b"]),
    ];
    for (query, expected) in cases {
        assert_eq!(names(&lab, "servers", query).await, expected, "{query:?}");
    }
}

#[tokio::test]
async fn long_lists_come_in_pages() {
    let lab = Lab::start().await;
    for number in 0..60 {
        let key = json!({"name": format!("key-{number:02}"), "public_key": public_key(number)});
        assert_eq!(lab.ask("POST", "/ssh_keys", key).await.0, 201);
    }
    // query, items, page, per_page, previous, next, last
    let none = Value::Null;
    let cases = [
        ("", 25, 1, 25, none.clone(), json!(2), 3),
        ("?page=3", 10, 3, 25, json!(2), none.clone(), 3),
        ("?per_page=50", 50, 1, 50, none.clone(), json!(2), 2),
        ("?per_page=1000", 50, 1, 50, none.clone(), json!(2), 2),
        ("?per_page=7&page=2", 7, 2, 7, json!(1), json!(3), 9),
        ("?page=9", 0, 9, 25, json!(8), none.clone(), 3),
    ];
    for (query, items, page, per_page, previous, next, last) in cases {
        let body = lab.get(&format!("/ssh_keys{query}")).await;
        assert_eq!(body["ssh_keys"].as_array().unwrap().len(), items, "{query}");
        let expected = json!({"pagination": {
            "page": page, "per_page": per_page, "previous_page": previous,
            "next_page": next, "last_page": last, "total_entries": 60,
        }});
        assert_eq!(body["meta"], expected, "{query}");
    }
    let response = lab
        .send(super::TOKEN, "GET", "/ssh_keys?page=2", Value::Null)
        .await;
    let link = response.headers()["link"].to_str().unwrap();
    let next = format!(
        "<{}/ssh_keys?page=3&per_page=25>; rel=\"next\"",
        lab.endpoint
    );
    assert!(link.contains(&next), "{link}");
    let empty = lab.get("/servers").await;
    assert_eq!(empty["meta"]["pagination"]["last_page"], 1);
}

#[tokio::test]
async fn ssh_keys_can_be_kept() {
    let lab = Lab::start().await;
    let key = json!({"name": "me", "public_key": public_key(1), "labels": {"who": "me"}});
    let (_, body) = lab.ask("POST", "/ssh_keys", key).await;
    let path = format!("/ssh_keys/{}", body["ssh_key"]["id"]);
    let fingerprint = body["ssh_key"]["fingerprint"].as_str().unwrap();
    for query in [
        format!("fingerprint={fingerprint}"),
        "name=me".to_owned(),
        "label_selector=who".to_owned(),
    ] {
        let found = lab.get(&format!("/ssh_keys?{query}")).await;
        assert_eq!(found["ssh_keys"][0]["name"], "me", "{query}");
    }
    let (_, body) = lab
        .ask("PUT", &path, json!({"name": "you", "labels": {}}))
        .await;
    assert_eq!(body, lab.get(&path).await);
    assert_eq!(
        (&body["ssh_key"]["name"], &body["ssh_key"]["labels"]),
        (&json!("you"), &json!({}))
    );
    assert_eq!(lab.ask("DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(lab.ask("GET", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_catalogue_can_be_looked_through() {
    let lab = Lab::start().await;
    let sites = ["fsn1", "nbg1", "hel1", "ash", "hil", "sin"];
    assert_eq!(names(&lab, "locations", &[]).await, sites);
    let images: [Case; 6] = [
        (&[], &["debian-12", "debian-13"]),
        (&[("name", "debian-13")], &["debian-13"]),
        (&[("type", "snapshot")], &[]),
        (
            &[("type", "system"), ("architecture", "x86")],
            &["debian-12", "debian-13"],
        ),
        (&[("architecture", "arm")], &[]),
        (
            &[("status", "available"), ("sort", "name:desc")],
            &["debian-13", "debian-12"],
        ),
    ];
    for (query, expected) in images {
        assert_eq!(names(&lab, "images", query).await, expected, "{query:?}");
    }
    let types = names(&lab, "server_types", &[]).await;
    for wanted in ["cx23", "cx33", "cx43", "cpx22"] {
        assert!(
            types.contains(&wanted.to_owned()),
            "{wanted} not in {types:?}"
        );
    }
    for list in ["locations", "images", "server_types"] {
        let one = lab.get(&format!("/{list}")).await[list][0].take();
        let got = lab.get(&format!("/{list}/{}", one["id"])).await;
        assert_eq!(got[list.trim_end_matches('s')], one);
    }
}

#[tokio::test]
async fn actions_are_found_by_id_by_server_and_by_status() {
    let lab = Lab::start().await;
    let (web, db) = (lab.order("web").await, lab.order("db").await);
    let off = lab.act(web, "poweroff", Value::Null).await;
    let list = lab
        .get(&format!("/servers/{web}/actions?sort=id:desc"))
        .await;
    let commands: Vec<&Value> = list["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["command"])
        .collect();
    assert_eq!(commands, ["stop_server", "start_server", "create_server"]);
    let id = &off["id"];
    for path in [
        format!("/actions/{id}"),
        format!("/servers/actions/{id}"),
        format!("/servers/{web}/actions/{id}"),
    ] {
        assert_eq!(lab.get(&path).await["action"], off, "{path}");
    }
    let foreign = format!("/servers/{db}/actions/{id}");
    assert_eq!(lab.ask("GET", &foreign, Value::Null).await.0, 404);
    let first = &list["actions"][2]["id"];
    let several = lab.get(&format!("/actions?id={id}&id={first}")).await;
    assert_eq!(several["actions"].as_array().unwrap().len(), 2);
    let all = lab
        .get("/servers/actions?status=success&status=error")
        .await;
    assert_eq!(all["meta"]["pagination"]["total_entries"], 5);
    let running = lab.get("/servers/actions?status=running").await;
    assert_eq!(running["actions"], json!([]));
}
