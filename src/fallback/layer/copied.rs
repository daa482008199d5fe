//! The copy of a request that somebody else may have to answer.

use crate::deadline::Deadline;
use crate::repeat::Repeat;

/// A copy, if there could be one, and who made it.
pub(super) struct Copied<R, Request> {
    copy: Option<Request>,
    repeat: R,
}

impl<R: Repeat<Request> + Clone, Request> Copied<R, Request> {
    #[inline]
    pub(super) fn of(request: &mut Request, repeat: &R) -> Self {
        Self { copy: repeat.copy(request), repeat: repeat.clone() }
    }
}

impl<R, Request> Copied<R, Request> {
    #[inline]
    pub(super) const fn is_none(&self) -> bool {
        self.copy.is_none()
    }
}

impl<R: Repeat<Request>, Request> Copied<R, Request> {
    /// The request for whoever answers instead of the call that is over; none if it cannot be read any more, or it is too late
    /// to start anything.
    pub(super) fn send(self) -> Option<Request> {
        let Self { copy, repeat } = self;
        let is_too_late = || Deadline::current().is_some_and(|deadline| deadline.remaining().is_zero());
        let mut request = copy?;
        if is_too_late() || !repeat.is_whole(&mut request) {
            return None;
        }
        repeat.begin_again(&mut request);
        Some(request)
    }
}
