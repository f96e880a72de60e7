//! Files that nobody wrote: too deep, too long, wrong in a million places. Each is told in
//! bounded words and time, on a thread with the stack that the runtime's threads have.

use super::bodies;
use holdfast::decide::document::Document;
use holdfast::model::diagnostic::Diagnostic;
use holdfast::show::diagnostics::render;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

/// Reads a text as any file is read; findings come with the text of the screen.
fn read(text: String) -> (Vec<Diagnostic>, String) {
    let thread = std::thread::Builder::new().stack_size(2 * MIB);
    let reading = thread.spawn(move || {
        let (_, findings) = Document::read("stacks/acme.toml", text.as_bytes(), |root| {
            root.schema();
            let stack = root.table("stack");
            let id = stack.as_ref().and_then(|table| table.text_if("id", "acme"));
            stack.inspect(holdfast::decide::document::Table::finish);
            id
        });
        let files = BTreeMap::from([("stacks/acme.toml".to_owned(), text.into_bytes())]);
        let screen = render(&findings, &files, false);
        (findings, screen)
    });
    reading.unwrap().join().expect("no overflow, no panic")
}

/// A mebibyte of each takes less than this even where nothing is optimised and others work.
const PATIENCE: Duration = Duration::from_mins(3);

#[test]
fn s16_a_file_that_nests_too_deep_is_one_broken_file() {
    let header = format!("[{}a]", "a.".repeat(70));
    let cases: [(&str, String, &str); 9] = [
        ("brackets", "[".repeat(100_000), "16 deep"),
        ("lists", format!("a = {}", "[".repeat(MIB)), "16 deep"),
        (
            "closed lists",
            format!("a = {}{}", "[".repeat(1000), "]".repeat(1000)),
            "16 deep",
        ),
        (
            "inline tables",
            format!("a = {}", "{a=".repeat(MIB / 3)),
            "16 deep",
        ),
        // The parser's own guard forgets the braces at each header.
        (
            "tables in open tables",
            "[a]\nx={\n".repeat(MIB / 8),
            "16 deep",
        ),
        (
            "brackets that do not fit",
            format!("x={}", "{[}]".repeat(5000)),
            "16 deep",
        ),
        (
            "dotted keys",
            format!("{}a = 1", "a.".repeat(MIB / 2)),
            "16 parts",
        ),
        ("a dotted header", format!("{header}\nx = 1"), "16 parts"),
        (
            "dotted keys in inline tables",
            format!("x={}", format!("{}a={{", "a.".repeat(70)).repeat(38)),
            "16 parts",
        ),
    ];
    for (name, text, part) in cases {
        let start = Instant::now();
        let (findings, screen) = read(text);
        assert_eq!(findings.len(), 1, "{name}: {screen:.400}");
        assert!(
            findings[0].message.contains(part),
            "{name}: {}",
            findings[0].message
        );
        assert!(findings[0].help.is_some(), "{name}");
        assert!(screen.len() < 4000, "{name}: {} bytes", screen.len());
        assert!(start.elapsed() < PATIENCE, "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn nesting_that_people_write_is_read() {
    let text = "schema = 1\n[stack]\nid = \"acme\"\n".to_owned();
    assert!(read(text.clone()).0.is_empty());
    let deep = format!(
        "{text}[a.b.c.d]\ne.f = {{ g = [[{{ h = 1 }}]] }}\n# [[[[[[[[[[[[[[[[[[[[[[\ni = \"{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{\"\n"
    );
    let (findings, _) = read(deep);
    // It is understood, only not known: brackets in comments and texts are none.
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].message, "unknown key `a`");
}

#[test]
fn a_file_that_is_wrong_in_a_million_places_is_told_in_a_bounded_way() {
    let many: String = (0..100_000).fold(String::new(), |text, n| text + &format!("key-{n} = 1\n"));
    let cases = [
        ("equal signs", "=".repeat(MIB)),
        ("commas", format!("a=[{}", ",".repeat(MIB))),
        ("lines", "a\n".repeat(MIB / 2)),
        ("carriage returns", "\r".repeat(MIB)),
        ("escapes", format!("a=\"{}\"", "\\q".repeat(MIB / 4))),
        ("the same key", "a=1\n".repeat(MIB / 4)),
        ("unknown keys", many),
        ("NUL", "\0".repeat(MIB)),
    ];
    for (name, text) in cases {
        let start = Instant::now();
        let (findings, screen) = read(text);
        assert!(
            (1..=501).contains(&findings.len()),
            "{name}: {}",
            findings.len()
        );
        if findings.len() > 500 {
            let last = &findings[500].message;
            assert!(
                last.ends_with("more findings in this file are not listed"),
                "{last}"
            );
        }
        assert!(screen.len() < 400_000, "{name}: {} bytes", screen.len());
        assert!(start.elapsed() < PATIENCE, "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn a_very_long_line_is_shown_as_a_window() {
    let text = format!(
        "schema = 1\nfar = \"{}\" # ü {}\nstack = {{ id = \"acme\" }}\n",
        "x".repeat(MIB / 2),
        "é".repeat(MIB / 8)
    );
    let (findings, screen) = read(text);
    assert_eq!(findings.len(), 1);
    assert!(screen.len() < 2000, "{} bytes", screen.len());
    assert!(screen.contains("stacks/acme.toml:2:1"), "{screen}");
    assert!(screen.contains("far = \"xxxx"), "{screen}");

    let name = "n".repeat(MIB / 2);
    let (findings, screen) = read(format!(
        "schema = 1\nstack = {{ id = \"acme\", {name} = 1 }}\n"
    ));
    assert_eq!(findings.len(), 1);
    assert!(findings[0].message.chars().count() <= 501);
    assert!(screen.len() < 4000, "{} bytes", screen.len());
    assert!(screen.contains("stacks/acme.toml:2:24"), "{screen}");
}

#[test]
fn a_finding_in_ordinary_lines_keeps_its_neighbours() {
    let (_, screen) = read("# before\nschema = 2\n# after\nstack = { id = \"acme\" }\n".to_owned());
    for line in ["# before", "schema = 2", "# after"] {
        assert!(screen.contains(line), "{screen}");
    }
    assert!(screen.contains("stacks/acme.toml:2:10"), "{screen}");
}

#[test]
fn thousands_of_broken_files_are_counted_and_not_all_listed() {
    let mut files = BTreeMap::new();
    let mut findings = Vec::new();
    for number in 0..3000 {
        let path = format!("stacks/s{number}.toml");
        let (_, found) = Document::read(&path, b"schema = 2\n", |root| {
            root.schema();
            Some(())
        });
        findings.extend(found);
        files.insert(path, b"schema = 2\n".to_vec());
    }
    let screen = render(&findings, &files, false);
    assert!(screen.contains("… and 1000 more"), "{}", screen.len());
    assert!(screen.trim_end().ends_with("3000 errors in 3000 files"));
}

#[test]
fn s16_a_template_that_never_ends_is_refused_when_it_is_read() {
    let seed = String::from_utf8(bodies::seed("blueprints/notes/blueprint.toml")).unwrap();
    let path = "stacks/blueprints/notes/blueprint.toml";
    let loops = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    let large = "{{ 'x' * 99999999 }}".repeat(2000);
    let wide = "{{ 'x'|center(999999999) }}";
    let long = "x".repeat(2000);
    for text in [loops, &large, wide, &long] {
        let broken = seed.replacen("path = \"/", &format!("path = \"{text}/"), 1);
        assert_ne!(broken, seed);
        let files = BTreeMap::from([(path.to_owned(), broken.into_bytes())]);
        let start = Instant::now();
        let (catalogue, findings) = holdfast::decide::catalogue::catalogue(&files);
        assert!(catalogue.blueprints.is_empty());
        let told = findings
            .iter()
            .any(|f| f.message.contains("variables only"));
        assert!(told, "{findings:?}");
        assert!(start.elapsed() < PATIENCE);
    }
}

#[test]
fn s16_a_template_file_that_multiplies_or_nests_is_refused_when_it_is_read() {
    let nested = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    let blocks = "{% if 1 %}".repeat(5000);
    let names = format!("{{{{ stack{} }}}}", ".x".repeat(100_000));
    let cases = [
        ("{{ 'x' * 99999999 }}".repeat(2000), "multiplies"),
        ("{% set a = [1] * 99999999 %}".to_owned(), "multiplies"),
        ("{{ 2 ** 99999999".to_owned(), "multiplies"),
        (nested, "of more than 500 bytes"),
        (
            format!("{{{{ {}1{} }}}}", "(".repeat(240), ")".repeat(240)),
            "broken",
        ),
        (format!("{{{{ {}1 }}}}", "-".repeat(480)), ""),
        (format!("{{{{ {}1 }}}}", "not ".repeat(120)), ""),
        (
            format!("{{{{ stack{} }}}}", ".x".repeat(240)),
            "uses `stack.x.x",
        ),
        (format!("{{{{ stack.id{} }}}}", "|trim".repeat(98)), ""),
        (format!("{{{{ 1{} }}}}", "~1".repeat(245)), ""),
        (format!("{{{{ 1{} }}}}", " if 1".repeat(98)), ""),
        (format!("{{{{ {}1 }}}}", "1 if 1 else ".repeat(40)), ""),
        (blocks, "broken"),
        (names, "of more than 500 bytes"),
    ];
    for (text, part) in cases {
        let mut files = bodies::estate();
        files.insert(
            "blueprints/notes/nginx.conf.j2".to_owned(),
            text.into_bytes(),
        );
        let start = Instant::now();
        let reading = std::thread::Builder::new().stack_size(2 * MIB);
        let findings = reading.spawn(move || bodies::resolved(&files).diagnostics);
        let findings = findings.unwrap().join().expect("no overflow, no panic");
        // Without words it may pass; what counts is that the stack and the clock hold.
        let told = part.is_empty() || findings.iter().any(|f| f.message.contains(part));
        assert!(told, "{part}: {findings:?}");
        assert!(start.elapsed() < PATIENCE);
    }
}
