//! What an admitted call carries.

use crate::base::clock::Instant;

/// What an admitted call must know of its admission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(super) started: Instant,
    pub(super) epoch: u32,
    pub(super) pass: u32,
}

/// Tickets that are not a probe's lease.
pub(super) const FLOW: u32 = 0;
pub(super) const RAMP: u32 = u32::MAX;
/// Let through by hand: counted, never decides.
pub(super) const UNSEEN: u32 = u32::MAX - 1;

impl Ticket {
    /// Whether it was let through with all the others, to be judged by the window.
    pub(super) const fn flows(self) -> bool {
        matches!(self.pass, FLOW | RAMP)
    }
}
