//! The shape of the house: who may import whom, what the pure rooms may not touch,
//! how long a file may get and what it may not be called.
//!
//! The sources are parsed, not searched: grouped and renamed imports, `super::` paths,
//! paths in the middle of an expression, in a macro's arguments and in attributes count.

mod authority;
mod circles;
mod samples;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// Left may import right, and nothing else of ours. `main` stands for the binary.
const MAY_IMPORT: [(&str, &[&str]); 7] = [
    ("main", &["show"]),
    ("show", &["show", "flow", "decide", "world", "model", "lab"]),
    ("flow", &["flow", "decide", "world", "model"]),
    ("decide", &["decide", "model"]),
    ("world", &["world", "model"]),
    ("model", &["model"]),
    ("lab", &["lab", "model::ids"]),
];

/// Rooms of pure functions and plain data.
const PURE: [&str; 2] = ["decide", "model"];

/// What a pure room may not name: the outside, the clock, chance, and what iterates in an
/// order that changes from run to run.
const IMPURE: [&str; 27] = [
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::collections::hash_map",
    "std::collections::hash_set",
    "async_trait",
    "axum",
    "backon",
    "getrandom",
    "git2",
    "hcloud",
    "hickory_net",
    "openssh",
    "rand",
    "reqwest",
    "sqlx",
    "tempfile",
    "tokio",
    "tokio_util",
];

/// Plain data in spite of where it lives.
const PLAIN: [&str; 7] = [
    "std::net::AddrParseError",
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::net::SocketAddr",
    "std::net::SocketAddrV4",
    "std::net::SocketAddrV6",
];

/// The terminal belongs to `show`.
const TERMINAL: [&str; 5] = ["anstream", "anstyle", "clap", "comfy_table", "indicatif"];

/// A file is named after its subject; these are not subjects.
const NO_FILE: [&str; 9] = [
    "common", "handler", "handlers", "helper", "helpers", "manager", "misc", "util", "utils",
];

/// Endings that say nothing of a type.
const NO_TYPE: [&str; 6] = ["Data", "Handler", "Helper", "Info", "Manager", "Util"];

const MAX_LINES: usize = 500;

/// One thing a source file says that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    /// A path, from the root: `["crate", "model", "ids"]`, `["std", "fs", "read"]`.
    Path(Vec<String>),
    /// `async` or `.await`.
    Async,
    /// A type of this name is defined.
    Type(String),
    /// Code that is not where its module path says: `#[path]`, `include!`.
    Elsewhere(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Mention {
    line: usize,
    said: Said,
}

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Violation {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Collects mentions of one file.
struct Reader {
    /// Where we are: `["decide", "plan"]`, and deeper inside inline modules.
    module: Vec<String>,
    mentions: Vec<Mention>,
}

impl Reader {
    fn say(&mut self, line: usize, said: Said) {
        self.mentions.push(Mention { line, said });
    }

    /// Writes down a path as it is seen from the crate's root.
    fn path(&mut self, line: usize, names: &[String]) {
        let Some(first) = names.first() else { return };
        let mut whole = vec!["crate".to_owned()];
        let rest = match first.as_str() {
            "crate" | "holdfast" => &names[1..],
            "self" | "super" => {
                let up = names.iter().filter(|n| *n == "super").count();
                let kept = self.module.len().saturating_sub(up);
                whole.extend_from_slice(&self.module[..kept]);
                let start = names.iter().position(|n| n != "super" && n != "self");
                &names[start.unwrap_or(names.len())..]
            }
            "core" | "alloc" => {
                whole = vec!["std".to_owned()];
                &names[1..]
            }
            _ => {
                whole.clear();
                names
            }
        };
        whole.extend_from_slice(rest);
        self.say(line, Said::Path(whole));
    }

    fn tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| {
            let mut names = before.to_vec();
            // `use a::b::{self}` names `a::b`.
            if name != "self" || names.is_empty() {
                names.push(name.to_string());
            }
            names
        };
        match tree {
            syn::UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.path(line(&name.ident), &with(&name.ident)),
            syn::UseTree::Rename(name) => self.path(line(&name.ident), &with(&name.ident)),
            syn::UseTree::Glob(glob) => {
                let mut names = before.to_vec();
                names.push("*".to_owned());
                self.path(glob.star_token.spans[0].start().line, &names);
            }
            syn::UseTree::Group(group) => {
                for item in &group.items {
                    self.tree(before, item);
                }
            }
        }
    }

    /// Paths inside tokens that nobody has parsed: a macro's arguments, an attribute's.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut names: Vec<String> = Vec::new();
        let mut begin = 0;
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.unparsed(begin, &mut names);
                        begin = name.span().start().line;
                    }
                    names.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.unparsed(begin, &mut names);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                    // `#[serde(with = "crate::model::units")]`
                    if let TokenTree::Literal(literal) = other
                        && let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string())
                        && let Ok(path) = text.parse::<syn::Path>()
                        && path.segments.len() > 1
                    {
                        self.path(literal.span().start().line, &names_of(&path));
                    }
                }
            }
        }
        self.unparsed(begin, &mut names);
    }

    fn unparsed(&mut self, line: usize, names: &mut Vec<String>) {
        if names.len() > 1 {
            self.path(line, names);
        }
        names.clear();
    }

    fn asyncs(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) if name == "async" || name == "await" => {
                    self.say(name.span().start().line, Said::Async);
                }
                TokenTree::Group(group) => self.asyncs(group.stream()),
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let Some(first) = path.segments.first() {
            self.path(line(&first.ident), &names_of(path));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        if mac.path.is_ident("include") {
            self.say(
                line(&mac.path.segments[0].ident),
                Said::Elsewhere("include!"),
            );
        }
        self.tokens(mac.tokens.clone());
        visit::visit_macro(self, mac);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("path") {
            let at = attribute.pound_token.spans[0].start().line;
            self.say(at, Said::Elsewhere("#[path]"));
        }
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.content.is_some() {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        } else {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.say(line(&item.ident), Said::Type(item.ident.to_string()));
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.say(line(&item.ident), Said::Type(item.ident.to_string()));
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.say(line(&item.ident), Said::Type(item.ident.to_string()));
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.say(line(&item.ident), Said::Type(item.ident.to_string()));
        visit::visit_item_type(self, item);
    }
}

fn line(ident: &syn::Ident) -> usize {
    ident.span().start().line
}

fn names_of(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|s| s.ident.to_string()).collect()
}

/// Everything `source` says, where `module` is its place in the crate.
fn read(module: &[&str], source: &str) -> Vec<Mention> {
    let file = syn::parse_file(source).expect("our sources parse");
    let mut reader = Reader {
        module: module.iter().map(|&m| m.to_owned()).collect(),
        mentions: Vec::new(),
    };
    reader.visit_file(&file);
    reader.asyncs(source.parse().expect("what parses has tokens"));
    reader.mentions.sort_by_key(|m| m.line);
    reader.mentions.dedup();
    reader.mentions
}

/// The rules that a file at `path` (below `src`) breaks.
fn violations(path: &str, source: &str) -> Vec<Violation> {
    let module: Vec<&str> = path
        .trim_end_matches(".rs")
        .split('/')
        .filter(|part| !["lib", "mod"].contains(part))
        .collect();
    let room = module.first().copied().unwrap_or("lib");
    let mut broken = Vec::new();
    let mut say = |line, what| {
        broken.push(Violation {
            file: format!("src/{path}"),
            line,
            what,
        });
    };

    let lines = source.lines().count();
    if lines > MAX_LINES {
        say(
            lines,
            format!("{lines} lines; a file over {MAX_LINES} has two subjects"),
        );
    }
    for part in &module {
        if NO_FILE.contains(part) {
            say(1, format!("`{part}` is not a subject"));
        }
    }
    // The binary's root is not a module of the library.
    let place = if room == "main" { &[] } else { &module[..] };
    for Mention { line, said } in read(place, source) {
        match said {
            Said::Path(names) => {
                if let Some(what) = forbidden(room, &names) {
                    say(line, what);
                }
            }
            Said::Async if PURE.contains(&room) => {
                say(line, format!("`{room}` is synchronous"));
            }
            Said::Async => {}
            Said::Type(name) => {
                if let Some(ending) = NO_TYPE.iter().find(|ending| name.ends_with(*ending)) {
                    say(line, format!("`{name}`: `{ending}` says nothing"));
                }
            }
            Said::Elsewhere(how) => say(line, format!("{how} hides where code lives")),
        }
    }
    broken
}

/// Why `room` may not name this path, if so.
fn forbidden(room: &str, names: &[String]) -> Option<String> {
    let path = names.join("::");
    let below = |prefix: &str| path == prefix || path.starts_with(&format!("{prefix}::"));
    if let Some(ours) = path.strip_prefix("crate::") {
        let may = MAY_IMPORT.iter().find(|(name, _)| *name == room);
        let may = may.map_or(&[][..], |(_, may)| *may);
        let inside = |allowed: &str| ours == allowed || ours.starts_with(&format!("{allowed}::"));
        if may.iter().any(|&allowed| inside(allowed)) {
            return None;
        }
        return Some(format!("`{room}` may not import `{ours}`"));
    }
    if room != "show" && TERMINAL.iter().any(|&name| below(name)) {
        return Some(format!("`{path}`: the terminal belongs to `show`"));
    }
    if PURE.contains(&room) {
        let plain = PLAIN.iter().any(|&name| below(name));
        let clock = names.len() > 1 && names.last().is_some_and(|last| last == "now");
        if clock || (!plain && IMPURE.iter().any(|&name| below(name))) {
            return Some(format!("`{room}` is pure and may not touch `{path}`"));
        }
    }
    None
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file below `src`: its path there, and its text.
fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, into: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(src()).unwrap().to_str().unwrap();
                into.push((name.to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut all = Vec::new();
    walk(&src(), &mut all);
    all.sort();
    all
}

#[test]
fn every_source_file_keeps_the_rules_of_the_house() {
    let sources = sources();
    assert!(
        sources.len() > 50,
        "only {} files were found",
        sources.len()
    );
    let broken: Vec<String> = sources
        .iter()
        .flat_map(|(path, source)| violations(path, source))
        .map(|v| v.to_string())
        .collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn the_house_has_these_rooms_and_no_other() {
    let mut there: Vec<String> = fs::read_dir(src())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    assert_eq!(
        there,
        [
            "decide", "flow", "lab", "lib.rs", "main.rs", "model", "show", "world"
        ]
    );
    let map = syn::parse_file(&fs::read_to_string(src().join("lib.rs")).unwrap()).unwrap();
    assert!(
        map.items
            .iter()
            .all(|item| matches!(item, syn::Item::Mod(m) if m.content.is_none())),
        "lib.rs is the map of the house; nothing lives there"
    );
}
