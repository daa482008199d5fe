//! What partitions the state of a layer.

use std::fmt;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, OnceLock};

use crate::error::ConfigError;

/// What a keyed layer keeps apart: a host, a tenant, a route.
///
/// Texts and numbers qualify. A text of more than 256 bytes is kept as a digest. Keys may be names of customers, so
/// `Display` and `Debug` show a short digest that is the same all through this process and tells nothing elsewhere;
/// [`reveal`](Self::reveal) shows the key itself.
#[derive(Clone)]
pub struct Key<'a>(Repr<'a>);

#[derive(Clone)]
enum Repr<'a> {
    Number(u64),
    Borrowed(&'a str),
    Owned(Arc<str>),
    /// Of a text that is too long to keep, or not to be shown.
    Digest([u64; 2]),
}

/// A longer text is kept as a digest.
const LONGEST: usize = 256;

impl Key<'_> {
    /// The key itself, if it is known: a long text is not.
    #[must_use]
    pub fn reveal(&self) -> String {
        match &self.0 {
            Repr::Number(number) => number.to_string(),
            Repr::Digest(_) => self.to_string(),
            text => text.text().unwrap_or_default().to_owned(),
        }
    }

    /// Whether only a digest of the key is left, since the text was long or is not to be shown. Another process makes another.
    #[must_use]
    pub const fn is_digest(&self) -> bool {
        matches!(self.0, Repr::Digest(_))
    }

    /// The same key, to be kept.
    #[must_use]
    pub fn into_owned(self) -> Key<'static> {
        Key(match self.0 {
            Repr::Borrowed(text) => Repr::Owned(text.into()),
            Repr::Number(number) => Repr::Number(number),
            Repr::Owned(text) => Repr::Owned(text),
            Repr::Digest(digest) => Repr::Digest(digest),
        })
    }

    /// A key that can no longer be revealed.
    pub(crate) fn redacted(&self) -> Key<'static> {
        Key(Repr::Digest(self.digest()))
    }

    fn digest(&self) -> [u64; 2] {
        match &self.0 {
            Repr::Digest(digest) => *digest,
            Repr::Number(number) => digest(number),
            text => digest(text.text().unwrap_or_default()),
        }
    }
}

impl Repr<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Borrowed(text) => Some(text),
            Self::Owned(text) => Some(text),
            Self::Number(_) | Self::Digest(_) => None,
        }
    }
}

/// Makes a key of parts that are never written down together. It cannot be revealed.
pub(crate) struct Digest([DefaultHasher; 2]);

impl Digest {
    pub(crate) fn new() -> Self {
        // Seeded, so that a digest cannot be looked up in a table made elsewhere.
        static SEEDS: OnceLock<[RandomState; 2]> = OnceLock::new();
        let seeds = SEEDS.get_or_init(|| [RandomState::new(), RandomState::new()]);
        Self(seeds.each_ref().map(BuildHasher::build_hasher))
    }
}

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.iter_mut().for_each(|half| half.write(bytes));
    }

    fn finish(&self) -> u64 {
        self.0[0].finish()
    }
}

impl From<Digest> for Key<'_> {
    fn from(digest: Digest) -> Self {
        Self(Repr::Digest(digest.0.each_ref().map(Hasher::finish)))
    }
}

fn digest(of: &(impl Hash + ?Sized)) -> [u64; 2] {
    let mut digest = Digest::new();
    of.hash(&mut digest);
    digest.0.each_ref().map(Hasher::finish)
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(text: &'a str) -> Self {
        Self(if text.len() > LONGEST { Repr::Digest(digest(text)) } else { Repr::Borrowed(text) })
    }
}

impl<'a> From<&'a String> for Key<'a> {
    fn from(text: &'a String) -> Self {
        Self::from(text.as_str())
    }
}

impl<'a> From<&'a Key<'_>> for Key<'a> {
    fn from(key: &'a Key<'_>) -> Self {
        match &key.0 {
            Repr::Number(number) => Self(Repr::Number(*number)),
            Repr::Digest(digest) => Self(Repr::Digest(*digest)),
            text => Self(Repr::Borrowed(text.text().unwrap_or_default())),
        }
    }
}

impl From<String> for Key<'_> {
    fn from(text: String) -> Self {
        Self(if text.len() > LONGEST { Repr::Digest(digest(&*text)) } else { Repr::Owned(text.into()) })
    }
}

impl From<u64> for Key<'_> {
    fn from(number: u64) -> Self {
        Self(Repr::Number(number))
    }
}

impl PartialEq<Key<'_>> for Key<'_> {
    fn eq(&self, other: &Key<'_>) -> bool {
        match (&self.0, &other.0) {
            (Repr::Number(a), Repr::Number(b)) => a == b,
            (Repr::Digest(a), Repr::Digest(b)) => a == b,
            (a, b) => a.text().is_some_and(|a| b.text() == Some(a)),
        }
    }
}

impl Eq for Key<'_> {}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Repr::Number(number) => number.hash(state),
            Repr::Digest(digest) => digest.hash(state),
            text => text.text().hash(state),
        }
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:08x}", self.digest()[0] as u32)
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How many keys a keyed layer keeps, and whether it shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyConfig {
    /// The most keys at a time, at least 1. The idle leave first; one that is full or in use never does, one that is open
    /// only long after its time, and when none may leave, new keys share one state. Default 10,000.
    pub max: u32,
    /// Whether events carry keys that can be revealed, and metrics a label `key`. A label is a series of its own for every
    /// key. Default no.
    pub show: bool,
}

impl Default for KeyConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl KeyConfig {
    pub(crate) const DEFAULT: Self = Self { max: 10_000, show: false };

    /// The most keys at a time, at least 1.
    #[must_use]
    pub const fn max(mut self, keys: u32) -> Self {
        self.max = keys;
        self
    }

    /// Whether events and metrics show keys.
    #[must_use]
    pub const fn show(mut self, show: bool) -> Self {
        self.show = show;
        self
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// A maximum of 0.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.max == 0 { Err(ConfigError::new("keys.max", self.max, "at least 1")) } else { Ok(()) }
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_it_says_however_it_is_kept() {
        let seed = RandomState::new();
        let (borrowed, owned) = (Key::from("eu-west"), Key::from("eu-west".to_owned()));
        assert_eq!(borrowed, owned);
        assert_eq!(seed.hash_one(&borrowed), seed.hash_one(&owned));
        assert_eq!(borrowed.clone().into_owned(), owned);
        assert_eq!(Key::from(&owned), owned);
        assert_ne!(Key::from(7), Key::from("7"));
        assert_ne!(Key::from(7), Key::from(8));
    }

    #[test]
    fn a_key_is_shown_only_when_asked() {
        let key = Key::from("alice@example.com");
        assert!(!format!("{key} {key:?}").contains("alice"));
        assert_eq!(key.to_string(), Key::from("alice@example.com".to_owned()).to_string());
        assert_eq!(key.reveal(), "alice@example.com");
        assert!(!key.redacted().reveal().contains("alice"));
        assert_eq!(key.redacted().to_string(), key.to_string());
    }

    #[test]
    fn a_long_text_is_kept_as_a_digest() {
        let long = "x".repeat(257);
        let key = Key::from(&*long);
        assert_eq!(key, Key::from(long.clone()));
        assert_eq!(key.reveal(), key.to_string());
        assert!(key.is_digest() && !Key::from(&long[..256]).is_digest());
        assert_eq!(Key::from(&long[..256]).reveal().len(), 256);
        assert!(size_of::<Key<'_>>() <= 24);
    }
}
