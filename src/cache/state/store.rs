//! Where answers are kept.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::Kept;
use crate::key::Key;

/// Keeps answers. [`Memory`](super::Memory) does so in this process; a store elsewhere answers later.
///
/// What it gives back is judged by the cache: a store may keep what is over, and may forget whatever it likes. If it fails,
/// that is a miss and an event, and never an error of the call. It is asked outside every lock.
///
/// A call waits for a store that answers later, when it looks and when it stores: give it a time limit of its own. A text of
/// more than 256 bytes comes as a digest that no other process makes ([`Key::is_digest`]): a store outside this process must
/// not keep it.
pub trait Store<V>: Send + Sync {
    /// Why it failed.
    type Error: fmt::Display;
    /// What it has, later.
    type Get: Future<Output = Result<Option<Arc<Kept<V>>>, Self::Error>>;
    /// That something is done, later.
    type Done: Future<Output = Result<(), Self::Error>>;

    /// What it has of this key.
    fn get(&self, key: &Key<'_>) -> Reply<Self::Get>;

    /// Keeps an answer, in place of an older one of its key.
    fn insert(&self, kept: Arc<Kept<V>>) -> Reply<Self::Done>;

    /// Forgets the answer of this key.
    fn remove(&self, key: &Key<'_>) -> Reply<Self::Done>;

    /// Forgets all.
    fn clear(&self) -> Reply<Self::Done>;

    /// How much it keeps, if it knows.
    fn size(&self) -> Option<Size> {
        None
    }
}

/// A store that somebody else looks into as well.
impl<V, M: Store<V>> Store<V> for Arc<M> {
    type Error = M::Error;
    type Get = M::Get;
    type Done = M::Done;

    #[inline]
    fn get(&self, key: &Key<'_>) -> Reply<Self::Get> {
        (**self).get(key)
    }

    fn insert(&self, kept: Arc<Kept<V>>) -> Reply<Self::Done> {
        (**self).insert(kept)
    }

    fn remove(&self, key: &Key<'_>) -> Reply<Self::Done> {
        (**self).remove(key)
    }

    fn clear(&self) -> Reply<Self::Done> {
        (**self).clear()
    }

    fn size(&self) -> Option<Size> {
        (**self).size()
    }
}

/// The reply of a store.
#[derive(Debug)]
pub enum Reply<F: Future> {
    /// Here it is.
    Now(F::Output),
    /// It takes a while.
    Later(F),
}

/// How much a store keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Size {
    /// So many answers.
    pub entries: u64,
    /// Of this weight together.
    pub weight: u64,
}

impl Size {
    /// So many answers, of this weight together.
    #[must_use]
    pub const fn new(entries: u64, weight: u64) -> Self {
        Self { entries, weight }
    }
}
