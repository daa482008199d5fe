//! Waiting no longer than the caller does.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::set_by_caller;
use crate::base::clock::{Sleep, precise};

/// Whether the caller's deadline has passed.
pub(crate) fn is_late() -> bool {
    set_by_caller().is_some_and(|at| at <= precise())
}

/// Resolves when the caller's deadline has passed, if he has one. A limit of our own is watched by the layer that set it.
/// `timer` is made when there is one.
pub(crate) fn poll_late(mut timer: Pin<&mut Option<Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
    let fresh = timer.is_none();
    if fresh {
        timer.set(set_by_caller().map(Sleep::until));
    }
    timer.as_pin_mut().map_or(Poll::Pending, |sleep| sleep.poll_surely(cx, fresh))
}
