//! A valid picture of a wanted size whose pixels are seeded noise.
//!
//! PNG (RFC 2083) with deflate's stored blocks (RFC 1951 §3.2.4): what goes in comes out
//! at the same size, and no compressor is needed.

use super::prose::Numbers;

const WIDTH: u32 = 1024;
/// One filter byte and three bytes for each pixel.
const ROW: usize = 1 + 3 * WIDTH as usize;
const NO_FILTER: u8 = 0;
const STORED_MAX: usize = 0xffff;

/// A PNG of about `bytes` bytes, at least one row of pixels.
pub(super) fn png(seed: u64, bytes: usize) -> Vec<u8> {
    let rows = (bytes / ROW).max(1);
    let mut numbers = Numbers::new(&[seed, 0x0050_4e47]);
    let mut pixels = Vec::with_capacity(rows * ROW);
    for _ in 0..rows {
        pixels.extend_from_slice(&[NO_FILTER]);
        let end = pixels.len() + ROW - 1;
        while pixels.len() < end {
            let noise = numbers.next().to_le_bytes();
            let take = noise.len().min(end - pixels.len());
            pixels.extend_from_slice(&noise[..take]);
        }
    }

    let mut header = Vec::with_capacity(13);
    header.extend_from_slice(&WIDTH.to_be_bytes());
    header.extend_from_slice(&u32::try_from(rows).unwrap_or(u32::MAX).to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]); // 8 bits, RGB, deflate, no interlace

    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &header);
    // A reader may hold a whole chunk in memory: keep them small.
    for part in stored(&pixels).chunks(1 << 20) {
        chunk(&mut png, *b"IDAT", part);
    }
    chunk(&mut png, *b"IEND", &[]);
    png
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    out.extend_from_slice(
        &u32::try_from(content.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes(),
    );
    let start = out.len();
    out.extend_from_slice(&kind);
    out.extend_from_slice(content);
    let sum = crc32(&out[start..]);
    out.extend_from_slice(&sum.to_be_bytes());
}

/// A zlib stream (RFC 1950) that holds `content` as it is.
fn stored(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + content.len() / STORED_MAX * 5 + 11);
    out.extend_from_slice(&[0x78, 0x01]);
    let mut blocks = content.chunks(STORED_MAX).peekable();
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&adler32(content).to_be_bytes());
    out
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    // 5552 is the longest run that cannot overflow (RFC 1950 §9).
    for run in bytes.chunks(5552) {
        for byte in run {
            a += u32::from(*byte);
            b += a;
        }
        a %= 65_521;
        b %= 65_521;
    }
    (b << 16) | a
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    let mut start: u32 = 0;
    while n < 256 {
        let mut value = start;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                0xedb8_8320 ^ (value >> 1)
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[n] = value;
        n += 1;
        start += 1;
    }
    table
};

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        CRC_TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_agree_with_their_published_examples() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn a_picture_has_about_the_wanted_size_and_depends_on_its_seed() {
        let picture = png(1, 3_000_000);
        assert!(
            picture.len().abs_diff(3_000_000) < 10_000,
            "{}",
            picture.len()
        );
        assert_eq!(picture, png(1, 3_000_000));
        assert_ne!(picture, png(2, 3_000_000));
        assert!(picture.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
    }
}
