//! Pages whose commands are run as they stand, like a reader would.

use std::path::Path;

/// The `sh` blocks of a page of `docs`, as they stand.
pub fn blocks(page: &str) -> Vec<String> {
    blocks_of(page, "sh")
}

/// Those in another language.
pub fn blocks_of(page: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(page);
    let text = std::fs::read_to_string(path).unwrap();
    let mut blocks = Vec::new();
    let mut open = None;
    for line in text.lines() {
        match (line, &mut open) {
            (line, None) if line == begin => open = Some(String::new()),
            ("```", Some(_)) => blocks.extend(open.take()),
            (line, Some(block)) => {
                block.push_str(line);
                block.push('\n');
            }
            (_, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: a block without an end");
    blocks
}
