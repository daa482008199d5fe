//! Which attempt of a call is being made: ambient, like the deadline.

use std::cell::Cell;

/// The number of the attempt that is being made, 1 for the first, so that a service below a retry can choose another
/// endpoint or mark a request. 1 outside any retry.
#[must_use]
pub fn current_attempt() -> u32 {
    CURRENT.get()
}

/// Makes `attempt` the current one while `run` runs, a panic included.
#[inline]
pub(crate) fn during<T>(attempt: u32, run: impl FnOnce() -> T) -> T {
    struct Restore(u32);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(attempt));
    run()
}

thread_local! {
    static CURRENT: Cell<u32> = const { Cell::new(1) };
}
