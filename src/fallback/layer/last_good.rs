//! The last good answer of the service itself.

use std::convert::Infallible;
use std::fmt;

use super::answer::{Answer, FailedCall, Reply, Sealed, Spare};
use crate::base::clock::now;
use crate::base::lanes::{LaneRef, Lanes};
use crate::error::ConfigError;
use crate::fallback::config::LastGoodConfig;
use crate::fallback::state::Memory;
use crate::gate::{Keys, Unkeyed};
use crate::key::Key;

/// The last response that was a success, while it is young enough.
///
/// To be remembered, every success is cloned, and costs an allocation and two short locks; that is what this form is for. Let
/// responses be cheap to clone (`Bytes`, an `Arc`). It asks of them to be `Sync` as well, to go to other threads.
///
/// Without [`key_by`](Self::key_by) there is one answer for all requests: right for a service that is asked one question, its
/// configuration or a list of prices, and wrong for any other.
pub struct LastGood<T, K = Unkeyed> {
    config: LastGoodConfig,
    memory: Lanes<Memory<T>>,
    keys: K,
}

impl<T> LastGood<T> {
    /// The last response, until it is so old.
    ///
    /// # Panics
    /// If the config is outside its ranges; [`try_new`](Self::try_new) returns the error instead.
    #[must_use]
    #[track_caller]
    pub fn new(config: impl Into<LastGoodConfig>) -> Self {
        match Self::try_new(config) {
            Ok(last_good) => last_good,
            // Not in a closure: the panic must point at the caller.
            Err(error) => panic!("{error}"),
        }
    }

    /// The last response, until it is so old.
    ///
    /// # Errors
    /// If the config is outside its ranges.
    pub fn try_new(config: impl Into<LastGoodConfig>) -> Result<Self, ConfigError> {
        let config = config.into();
        config.check()?;
        Ok(Self { config, memory: Lanes::new(Memory::new(config.max_age, 1)), keys: Unkeyed })
    }
}

impl<T, K> LastGood<T, K> {
    /// Remembers an answer for each key. Whatever the answer depends on belongs into the key: the path, and who asks.
    #[must_use]
    pub fn key_by<Request, F>(self, key: F) -> LastGood<T, F>
    where
        F: for<'a> Fn(&'a Request) -> Key<'a>,
    {
        let LastGoodConfig { max_age, max_keys } = self.config;
        LastGood { config: self.config, memory: Lanes::new(Memory::new(max_age, max_keys)), keys: key }
    }
}

impl<T, K: Clone> Clone for LastGood<T, K> {
    fn clone(&self) -> Self {
        Self { config: self.config, memory: self.memory.clone(), keys: self.keys.clone() }
    }
}

impl<T, K> Sealed for LastGood<T, K> {}

impl<Request, T, K, Error> Answer<Request, T, Error> for LastGood<T, K>
where
    T: Clone,
    K: Keys<Request>,
{
    type Spare = Asker<T>;

    #[inline]
    fn spare(&self, request: &mut Request) -> Asker<T> {
        Asker { key: self.keys.key(request).into_owned(), memory: self.memory.here() }
    }
}

/// A call that will know an answer, or need one.
pub struct Asker<T> {
    memory: LaneRef<Memory<T>>,
    key: Key<'static>,
}

impl<T: Clone, Error> Spare<T, Error> for Asker<T> {
    type Answering = Infallible;

    fn succeeded(self, response: &T) {
        self.memory.remember(&self.key, response.clone(), now());
    }

    fn answer(self, _: &FailedCall<'_, T, Error>) -> Reply<T, Infallible> {
        let good = self.memory.recall(&self.key, now());
        Reply::Now(good.map(|answer| T::clone(&answer)))
    }
}

impl<T, K> fmt::Debug for LastGood<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastGood").field("memory", &*self.memory).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Asker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("key", &self.key).finish_non_exhaustive()
    }
}
