//! Values that must not be seen (S13).

use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Secret bytes. Cannot be printed, serialised or compared by accident. Clones are the same
/// bytes, which are wiped when the last of them goes.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Box<[u8]>>>);

impl Secret {
    /// Takes the bytes in, without the room that was left beside them; where they stood is wiped.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = Zeroizing::new(bytes.into());
        Self(Arc::new(Zeroizing::new(bytes.as_slice().into())))
    }
    /// The bytes, for the one place that must send them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
    /// The bytes as text, where they are text.
    pub fn expose_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
