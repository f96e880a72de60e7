//! What an estate says of the lab that it lives in.

use serde_json::Value;
use std::fmt::Write as _;

/// `hosters.toml`, from what `holdfast lab status --format json` tells.
pub fn hosters(lab: &Value) -> String {
    let mut text = format!(
        "schema = 1\n\n[[hoster]]\nid = \"hetzner\"\ndescriptor = \"hetzner\"\nendpoint = {}\ntoken_secret = \"hetzner-token\"\n",
        lab["hetzner"]["endpoint"]
    );
    for (hoster, machines) in lab["pools"].as_object().unwrap() {
        let _ = write!(
            text,
            "\n[[hoster]]\nid = \"{hoster}\"\ndescriptor = \"{hoster}\"\n"
        );
        let site = if hoster == "netcup" { "vie" } else { "de/fra" };
        for machine in machines.as_array().unwrap() {
            let key: Vec<&str> = machine["host_key"]
                .as_str()
                .unwrap()
                .split_whitespace()
                .take(2)
                .collect();
            let _ = write!(
                text,
                "\n[[hoster.machine]]\nname = {}\naddress = {}\nport = {}\nhost_key = \"{}\"\nsite = \"{site}\"\nimage = \"debian-13\"\n",
                machine["name"],
                machine["address"],
                machine["port"],
                key.join(" ")
            );
        }
    }
    text
}

/// The `[dns]` table of `estate.toml`.
pub fn dns(lab: &Value) -> String {
    let dns = &lab["dns"];
    let word = |key: &str| dns[key].as_str().unwrap().trim_end_matches('.').to_owned();
    format!(
        "[dns]\nserver = \"{}:{}\"\nzone = \"{}\"\nkey_name = \"{}\"\nalgorithm = \"{}\"\nkey_secret = \"dns-key\"\nttl = \"60s\"\n",
        word("address"),
        dns["port"],
        word("zone"),
        word("key_name"),
        word("algorithm")
    )
}
