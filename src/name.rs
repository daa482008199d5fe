//! What a layer is called in errors, events and metrics.

use std::collections::HashSet;
use std::fmt;
use std::panic::Location;
use std::sync::OnceLock;

use crate::base::sync::Mutex;

/// The name of a layer, kept once for the life of the process, so that an error carries it for the price of a pointer.
///
/// Distinct names are never freed: name layers after what they protect, not after requests. A layer that is given no
/// name is called after the line that made it, `src/main.rs:42`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(&'static str);

impl Name {
    /// A name that is known when the program is compiled.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    pub(crate) fn of_line(line: &Location<'_>) -> Self {
        Self::from(format!("{}:{}", line.file(), line.line()))
    }
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Self(name)
    }
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        static NAMES: OnceLock<Mutex<HashSet<&'static str>>> = OnceLock::new();
        let mut names = NAMES.get_or_init(Mutex::default).lock();
        if let Some(known) = names.get(name.as_str()) {
            return Self(known);
        }
        let kept: &'static str = Box::leak(name.into_boxed_str());
        names.insert(kept);
        Self(kept)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_kept_once() {
        let (a, b) = (Name::from("tenant 7".to_owned()), Name::from("tenant 7".to_owned()));
        assert!(std::ptr::eq(a.as_str(), b.as_str()));
        assert_eq!(Name::from("x"), Name::new("x"));
    }
}
