//! Seeded text and the order in which it is written.

use super::{LANES, WriteSpec};

/// A stream of numbers that looks random and is the same for the same seed
/// (`SplitMix64`, Steele, Lea and Flood 2014).
pub(super) struct Numbers(u64);

impl Numbers {
    /// Starts a stream. Different `parts` give unrelated streams.
    pub(super) fn new(parts: &[u64]) -> Self {
        let mut numbers = Self(0);
        for part in parts {
            numbers.0 ^= *part;
            numbers.0 = numbers.next();
        }
        numbers
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// One save of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// Which page, from 0.
    pub(super) page: usize,
    /// Which revision of it, from 1.
    pub(super) nth: usize,
}

/// Who writes what: round and round over the pages, each page in one lane only, so that
/// no two saves of a page overtake each other.
pub(super) fn lanes(spec: &WriteSpec) -> Vec<Vec<Edit>> {
    let mut lanes = vec![Vec::new(); LANES];
    for turn in 0..spec.revisions.max(spec.pages) {
        if spec.pages == 0 {
            break;
        }
        let page = turn % spec.pages;
        let nth = turn / spec.pages + 1;
        lanes[page % LANES].push(Edit { page, nth });
    }
    lanes
}

const WORDS: [&str; 48] = [
    "anchor", "autumn", "barley", "bridge", "candle", "cedar", "clover", "cobalt", "copper",
    "coral", "dawn", "ember", "falcon", "fern", "ferry", "garnet", "glacier", "granite", "harbour",
    "hazel", "heron", "indigo", "island", "juniper", "lantern", "lichen", "linen", "maple",
    "marble", "meadow", "mortar", "nettle", "orchard", "otter", "pebble", "plover", "quarry",
    "raven", "ripple", "saffron", "sparrow", "thistle", "timber", "tundra", "velvet", "willow",
    "winter", "yarrow",
];

/// Two to four paragraphs that differ for every revision, without any wiki's markup.
pub(super) fn text(seed: u64, edit: Edit) -> String {
    let mut numbers = Numbers::new(&[seed, edit.page as u64, edit.nth as u64]);
    let mut text = format!("Entry {} of log {}.", edit.nth, edit.page + 1);
    for _ in 0..2 + numbers.next() % 3 {
        text.push_str("\n\n");
        for sentence in 0..3 + numbers.next() % 4 {
            if sentence > 0 {
                text.push(' ');
            }
            for place in 0..6 + numbers.next() % 8 {
                let pick = usize::try_from(numbers.next() % WORDS.len() as u64).unwrap_or(0);
                if place == 0 {
                    text.push_str(&WORDS[pick][..1].to_uppercase());
                    text.push_str(&WORDS[pick][1..]);
                } else {
                    text.push(' ');
                    text.push_str(WORDS[pick]);
                }
            }
            text.push('.');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_written_by_one_lane_and_in_order() {
        let spec = WriteSpec {
            seed: 1,
            pages: 5,
            revisions: 23,
            upload_bytes: 0,
        };
        let lanes = lanes(&spec);
        assert_eq!(lanes.iter().map(Vec::len).sum::<usize>(), 23);
        for page in 0..5 {
            let at: Vec<Vec<usize>> = lanes
                .iter()
                .map(|lane| {
                    lane.iter()
                        .filter(|e| e.page == page)
                        .map(|e| e.nth)
                        .collect()
                })
                .filter(|nths: &Vec<usize>| !nths.is_empty())
                .collect();
            assert_eq!(at.len(), 1, "page {page} is in one lane");
            assert!(at[0].iter().copied().eq(1..=at[0].len()));
        }
    }

    #[test]
    fn the_same_seed_writes_the_same_and_each_revision_differs() {
        let first = Edit { page: 0, nth: 1 };
        let second = Edit { page: 0, nth: 2 };
        assert_eq!(text(7, first), text(7, first));
        assert_ne!(text(7, first), text(7, second));
        assert_ne!(text(7, first), text(8, first));
    }
}
