//! A retry for services of `http` requests.

use super::{Drain, Replay, StatusClassify};
use crate::retry::{RetryConfig, RetryLayer};

/// A retry for a client of `http` requests: judges by [`StatusClassify`], sends requests again by [`Replay`], and reads by
/// [`Drain`] what is not returned. For bodies of axum, tonic and reqwest.
///
/// # Panics
/// If the config is outside its ranges.
#[must_use]
#[track_caller]
pub fn retry(config: RetryConfig) -> RetryLayer<StatusClassify, Replay, Drain> {
    RetryLayer::new(config).classify(StatusClassify).repeat(Replay::default()).discard(Drain::default())
}
