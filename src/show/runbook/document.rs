//! A document to be read and printed: as Markdown, and as one HTML page without scripts.

/// One part of it. In texts, words between backticks are shown as they are typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Of the whole.
    Title(String),
    /// Of a section.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// Points.
    List(Vec<String>),
    /// Rows under a head.
    Table {
        /// Names of the columns.
        head: Vec<String>,
        /// Cells.
        rows: Vec<Vec<String>>,
    },
    /// Commands to run on the new machine, in the order of the document.
    Run(String),
    /// Commands for another place, or for another case.
    Shown(String),
}

/// As Markdown. What is to be run stands in fences of `sh`, and nothing else does.
pub fn markdown(blocks: &[Block]) -> String {
    let parts: Vec<String> = blocks
        .iter()
        .map(|block| match block {
            Block::Title(text) => format!("# {}\n", plain_marks(text)),
            Block::Heading(text) => format!("## {}\n", plain_marks(text)),
            Block::Text(text) => format!("{}\n", plain_marks(text)),
            Block::List(items) => all(items, |item| format!("- {}\n", plain_marks(item))),
            Block::Table { head, rows } => {
                let row = |cells: &[String]| {
                    let cells: Vec<String> = cells
                        .iter()
                        .map(|cell| plain_marks(cell).replace('|', "\\|"))
                        .collect();
                    format!("| {} |\n", cells.join(" | "))
                };
                let line = format!("|{}\n", " --- |".repeat(head.len()));
                let rows = all(rows, |cells| row(cells));
                format!("{}{line}{rows}", row(head))
            }
            Block::Run(commands) => format!("```sh\n{commands}\n```\n"),
            Block::Shown(commands) => format!("```text\n{commands}\n```\n"),
        })
        .collect();
    parts.join("\n")
}

/// Every part, one after the other.
fn all<T>(parts: &[T], text: impl Fn(&T) -> String) -> String {
    let texts: Vec<String> = parts.iter().map(text).collect();
    texts.concat()
}

/// Outside of backticks nothing is markup; texts of customers stay texts.
fn plain_marks(text: &str) -> String {
    let mut out = String::new();
    for (place, part) in text.split('`').enumerate() {
        if place > 0 {
            out.push('`');
        }
        if place % 2 == 1 {
            out.push_str(part);
            continue;
        }
        for c in part.chars() {
            if matches!(c, '\\' | '*' | '_' | '<' | '>' | '[' | ']' | '#') {
                out.push('\\');
            }
            out.push(if c.is_control() { ' ' } else { c });
        }
    }
    out
}

const STYLE: &str = "body{font:11pt/1.45 Georgia,serif;max-width:46em;margin:2em auto;padding:0 1em;color:#000;background:#fff}\
h1,h2,th{font-family:Arial,sans-serif}h2{margin-top:1.8em;border-top:1px solid #999;padding-top:.6em}\
table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #999;padding:.25em .6em;text-align:left;vertical-align:top}\
code,pre{font:10pt/1.4 monospace}pre{padding:.6em .8em;border:1px dashed #666;white-space:pre-wrap;overflow-wrap:anywhere}\
pre.run{border:2px solid #000}@media print{h2{break-after:avoid}pre,tr{break-inside:avoid}body{margin:0}}";

/// As one page that needs nothing else.
pub fn html(blocks: &[Block], language: &str) -> String {
    let title = blocks.iter().find_map(|block| match block {
        Block::Title(text) => Some(escaped(text)),
        _ => None,
    });
    let body = all(blocks, part);
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escaped(language),
        title.unwrap_or_default(),
    )
}

fn part(block: &Block) -> String {
    let cells = |cells: &[String], kind: &str| -> String {
        let cells = all(cells, |cell| format!("<{kind}>{}</{kind}>", marked(cell)));
        format!("<tr>{cells}</tr>\n")
    };
    match block {
        Block::Title(text) => format!("<h1>{}</h1>\n", marked(text)),
        Block::Heading(text) => format!("<h2>{}</h2>\n", marked(text)),
        Block::Text(text) => format!("<p>{}</p>\n", marked(text)),
        Block::List(items) => {
            let items = all(items, |item| format!("<li>{}</li>\n", marked(item)));
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Table { head, rows } => {
            let rows = all(rows, |row| cells(row, "td"));
            format!("<table>\n{}{rows}</table>\n", cells(head, "th"))
        }
        Block::Run(commands) => format!("<pre class=\"run\">{}</pre>\n", escaped(commands)),
        Block::Shown(commands) => format!("<pre>{}</pre>\n", escaped(commands)),
    }
}

fn marked(text: &str) -> String {
    text.split('`')
        .enumerate()
        .map(|(place, part)| match place % 2 {
            1 => format!("<code>{}</code>", escaped(part)),
            _ => escaped(part),
        })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
