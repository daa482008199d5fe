//! What a call takes.

/// How much a call takes: places of a bulkhead, turns of a rate limit. Closures `Fn(&Request) -> u32` qualify.
pub trait Cost<Request> {
    /// What this call takes. One that takes more than there is at all is refused; one that takes nothing passes wherever
    /// nobody waits.
    fn cost(&self, request: &Request) -> u32;
}

/// Every call takes one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct One;

impl<Request> Cost<Request> for One {
    #[inline]
    fn cost(&self, _: &Request) -> u32 {
        1
    }
}

impl<F: Fn(&Request) -> u32, Request> Cost<Request> for F {
    fn cost(&self, request: &Request) -> u32 {
        self(request)
    }
}
