//! Small sources that break one rule each, and some that break none.

use super::{MAX_LINES, violations};

/// A check that cannot fail is none: each line here breaks a rule.
#[test]
fn a_bad_sample_is_caught() {
    for (path, source, expected) in [
        (
            "model/ids.rs",
            "use crate::decide::plan;",
            "`model` may not import `decide::plan`",
        ),
        (
            "decide/plan/mod.rs",
            "use crate::world;",
            "`decide` may not import `world`",
        ),
        (
            "decide/plan/mod.rs",
            "use holdfast::world;",
            "`decide` may not import `world`",
        ),
        (
            "decide/a.rs",
            "use crate::{model::ids, world as w};",
            "may not import `world`",
        ),
        (
            "decide/a.rs",
            "use crate::{model::{self, x::{y, z}}, flow::{self}};",
            "may not import `flow`",
        ),
        (
            "decide/a.rs",
            "use crate::*;",
            "`decide` may not import `*`",
        ),
        (
            "decide/plan/a.rs",
            "use super::super::super::world::x;",
            "may not import `world::x`",
        ),
        (
            "world/dns.rs",
            "use super::super::decide::x;",
            "`world` may not import `decide::x`",
        ),
        (
            "world/dns.rs",
            "mod tests { use super::super::super::decide; }",
            "may not import `decide`",
        ),
        (
            "world/dns.rs",
            "fn f() { crate::decide::plan::plan(); }",
            "may not import `decide::plan::plan`",
        ),
        (
            "world/dns.rs",
            "fn f(x: Vec<crate::flow::Y>) {}",
            "may not import `flow::Y`",
        ),
        (
            "world/dns.rs",
            "fn f() { assert!(g(crate::decide::x())) }",
            "may not import `decide::x`",
        ),
        (
            "world/dns.rs",
            "#[serde(with = \"crate::flow::x\")] struct A;",
            "may not import `flow::x`",
        ),
        (
            "world/dns.rs",
            "pub use crate::show::exit::Exit;",
            "may not import `show::exit::Exit`",
        ),
        (
            "flow/mod.rs",
            "use crate::show::exit;",
            "`flow` may not import `show::exit`",
        ),
        (
            "flow/mod.rs",
            "use crate::lab;",
            "`flow` may not import `lab`",
        ),
        (
            "lab/mod.rs",
            "use crate::model::units;",
            "`lab` may not import `model::units`",
        ),
        (
            "lab/mod.rs",
            "use crate::world::machine;",
            "`lab` may not import `world::machine`",
        ),
        (
            "main.rs",
            "fn main() { holdfast::flow::run() }",
            "`main` may not import `flow::run`",
        ),
        ("decide/a.rs", "async fn f() {}", "`decide` is synchronous"),
        (
            "decide/a.rs",
            "fn f() { let x = async { 1 }; }",
            "`decide` is synchronous",
        ),
        (
            "decide/a.rs",
            "fn f() { m!(a.b.await) }",
            "`decide` is synchronous",
        ),
        (
            "decide/a.rs",
            "use std::{fmt, fs as f};",
            "may not touch `std::fs`",
        ),
        (
            "decide/a.rs",
            "fn f() { std::env::var(\"A\"); }",
            "may not touch `std::env::var`",
        ),
        (
            "decide/a.rs",
            "use std::net::{IpAddr, TcpStream};",
            "may not touch `std::net::TcpStream`",
        ),
        (
            "decide/a.rs",
            "use core::net::*;",
            "may not touch `std::net::*`",
        ),
        (
            "decide/a.rs",
            "use std::process::Command;",
            "may not touch `std::process::Command`",
        ),
        (
            "decide/a.rs",
            "use std::collections::HashMap;",
            "`std::collections::HashMap`",
        ),
        (
            "model/a.rs",
            "fn f() { jiff::Timestamp::now(); }",
            "may not touch `jiff::Timestamp::now`",
        ),
        (
            "model/a.rs",
            "fn f() { println!(\"{}\", Zoned::now()) }",
            "may not touch `Zoned::now`",
        ),
        (
            "model/a.rs",
            "use tokio::time::sleep;",
            "may not touch `tokio::time::sleep`",
        ),
        (
            "world/a.rs",
            "fn f() { anstream::println!(\"x\") }",
            "the terminal belongs to `show`",
        ),
        (
            "world/a.rs",
            "struct HosterManager;",
            "`Manager` says nothing",
        ),
        ("world/utils.rs", "", "`utils` is not a subject"),
        ("world/a.rs", "#[path = \"x.rs\"] mod x;", "#[path] hides"),
        ("world/a.rs", "include!(\"x.rs\");", "include! hides"),
    ] {
        let broken = violations(path, source);
        assert!(
            broken.iter().any(|v| v.what.contains(expected)),
            "{path}: {source}\nexpected: {expected}\nfound: {broken:?}"
        );
    }
    let long = "\n".repeat(MAX_LINES + 1);
    assert_eq!(violations("world/a.rs", &long)[0].line, MAX_LINES + 1);
}

/// Nor may it cry wolf: none of these breaks a rule.
#[test]
fn a_good_sample_passes() {
    for (path, source) in [
        (
            "model/ids.rs",
            "use super::units::Bytes; use crate::model::plan;",
        ),
        (
            "decide/plan/a.rs",
            "use super::super::check; use crate::{decide::x, model::{self, ids}};",
        ),
        (
            "decide/a.rs",
            "use std::net::{IpAddr, SocketAddr}; use std::time::Duration;",
        ),
        (
            "decide/a.rs",
            "mod tests { use super::*; fn f() { let now = super::now; } }",
        ),
        (
            "decide/a.rs",
            "/// Unlike [`crate::world`], asynchronous.\nfn f(now: T) -> T { now }",
        ),
        (
            "decide/a.rs",
            "pub(crate) fn f() { g(\"async std::fs crate::world\") }",
        ),
        (
            "world/a.rs",
            "async fn f() { tokio::fs::read(\"x\").await; }",
        ),
        (
            "flow/a.rs",
            "use crate::{decide::plan, model::ids, world::clock};",
        ),
        (
            "show/cli/lab.rs",
            "use crate::lab::Lab; fn f() { anstream::println!(\"x\") }",
        ),
        (
            "lab/a.rs",
            "use super::fleet; use crate::model::ids::MachineName;",
        ),
        (
            "main.rs",
            "fn main() -> ExitCode { holdfast::show::cli::main() }",
        ),
    ] {
        assert_eq!(violations(path, source), [], "{path}: {source}");
    }
}
