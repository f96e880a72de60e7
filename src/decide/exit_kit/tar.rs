//! A tar archive in memory (POSIX.1-1988 "ustar"): regular files of root's, without times.

use crate::model::secret::Secret;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const BLOCK: usize = 512;

/// Files by path, readable by their owner alone. The same files give the same bytes.
///
/// A path longer than the form allows (a name of 100 bytes in a folder of 155) is an error that names it.
pub fn archive(files: &BTreeMap<String, Secret>) -> Result<Secret, String> {
    // Room for all of it, so that no copy is left behind when it grows.
    let padded = |n: usize| n.div_ceil(BLOCK) * BLOCK;
    let size: usize = files
        .values()
        .map(|file| BLOCK + padded(file.expose().len()))
        .sum();
    let mut out = Zeroizing::new(Vec::with_capacity(size + 2 * BLOCK));
    for (path, file) in files {
        let content = file.expose();
        out.extend_from_slice(&header(path, content.len()).ok_or_else(|| path.clone())?);
        out.extend_from_slice(content);
        let end = padded(out.len());
        out.resize(end, 0);
    }
    let end = out.len() + 2 * BLOCK;
    out.resize(end, 0);
    Ok(Secret::new(out.as_slice()))
}

fn header(path: &str, size: usize) -> Option<[u8; BLOCK]> {
    let (prefix, name) = if path.len() <= 100 {
        ("", path)
    } else {
        path.match_indices('/')
            .map(|(at, _)| (&path[..at], &path[at + 1..]))
            .find(|(prefix, name)| prefix.len() <= 155 && name.len() <= 100)?
    };
    let mut block = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000600\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    put(345, prefix);
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(block)
}
