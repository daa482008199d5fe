//! What becomes of those who waited for a call that failed.

use crate::name::Name;

/// The configuration of a coalesce: plain data. Every value is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoalesceConfig {
    /// What it is called in errors and events. Default: the line that made the layer.
    pub name: Option<Name>,
    /// What becomes of those who waited for a call that failed. Default: they are refused.
    pub after_failure: AfterFailure,
}

/// What becomes of those who waited for a call that failed. Its error stays with the one who made it: an error need not be
/// `Clone`, and a hundred callers must not report one failure a hundred times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AfterFailure {
    /// They are refused with [`FlightFailed`](crate::RejectedKind::FlightFailed): a service in trouble gets one call and not
    /// all those that waited for it, at once.
    #[default]
    Refuse,
    /// Each makes a call of its own, once, and gets its own result. All do so in the same instant.
    FlyAlone,
}

impl CoalesceConfig {
    /// What it is called in errors and events.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What becomes of those who waited for a call that failed.
    #[must_use]
    pub const fn after_failure(mut self, after_failure: AfterFailure) -> Self {
        self.after_failure = after_failure;
        self
    }
}
