//! The machine: the last good answer to each question.

use std::fmt;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::keyed::{Keyed, Resident};
use crate::base::sync::{Arc, Mutex};
use crate::key::Key;

/// The last good answer for each key, no older than it may be.
pub(super) struct Memory<T> {
    max_age: Duration,
    questions: Keyed<Question<T>>,
}

/// What was answered last to the requests of one key.
struct Question<T> {
    key: Key<'static>,
    last: Mutex<Option<Good<T>>>,
}

struct Good<T> {
    /// Shared, so that it is copied for a call when no lock is held.
    answer: Arc<T>,
    since: Instant,
}

/// An answer may be forgotten at any time.
impl<T> Resident for Question<T> {
    fn may_leave(&self, _: Instant) -> bool {
        true
    }
}

impl<T> Memory<T> {
    pub(super) fn new(max_age: Duration, max_keys: u32) -> Self {
        Self { max_age, questions: Keyed::new(max_keys as usize) }
    }

    /// An answer that came at `now`. It takes the place of an older one only.
    pub(super) fn remember(&self, key: &Key<'_>, answer: T, now: Instant) {
        let (hash, answer) = (self.questions.hash_of(key), Arc::new(answer));
        let fresh = || Question { key: key.clone().into_owned(), last: Mutex::default() };
        let found = self.questions.find_or_make(hash, |known| known.key == *key, fresh, fresh, || now);
        // The one that all share who find no room is no place for an answer to one of them.
        if found.overflowed {
            return;
        }
        let mut last = found.resident.last.lock();
        let is_newer = last.as_ref().is_none_or(|good| good.since <= now);
        let replaced = if is_newer { last.replace(Good { answer, since: now }) } else { None };
        drop(last);
        // Foreign code may hang on what is dropped.
        drop(replaced);
    }

    /// The last answer, if it is young enough at `now`.
    pub(super) fn recall(&self, key: &Key<'_>, now: Instant) -> Option<Arc<T>> {
        let hash = self.questions.hash_of(key);
        let question = self.questions.find(hash, |known| known.key == *key)?;
        let last = question.last.lock();
        let good = last.as_ref()?;
        let age = now.saturating_duration_since(good.since);
        (age < self.max_age).then(|| good.answer.clone())
    }
}

impl<T> fmt::Debug for Memory<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("max_age", &self.max_age)
            .field("keys", &self.questions.len())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, seawall_loom))]
mod models;
