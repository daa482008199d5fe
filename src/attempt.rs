//! Which attempt of a call is being made, and whose budget its success goes to: ambient, like the deadline.

use std::cell::Cell;

use crate::budget::BudgetId;

/// The number of the attempt that is being made, 1 for the first, so that a service below a retry or a hedge can choose
/// another endpoint or mark a request. 1 outside any of them.
#[must_use]
pub fn current_attempt() -> u32 {
    CURRENT.get().number
}

/// Makes this the current attempt while `run` runs, a panic included. Its success is deposited in `budget` by whoever calls
/// this, and so by no layer inside that shares the budget. Who has none leaves that of the layer around it.
#[inline]
pub(crate) fn during<T>(number: u32, budget: BudgetId, run: impl FnOnce() -> T) -> T {
    let budget = if budget == BudgetId::NONE { CURRENT.get().budget } else { budget };
    Attempt { number, budget }.during(run)
}

/// The attempt that is being made, to be carried to where it goes on.
#[cfg_attr(not(feature = "reqwest-middleware"), expect(dead_code, reason = "for that edge"))]
pub(crate) fn current() -> Attempt {
    CURRENT.get()
}

/// Whether a layer above deposits the success of this call in this budget.
#[inline]
pub(crate) fn is_deposited_above(budget: BudgetId) -> bool {
    CURRENT.get().budget == budget
}

#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    number: u32,
    budget: BudgetId,
}

impl Attempt {
    /// Makes this the current one while `run` runs, a panic included.
    #[inline]
    pub(crate) fn during<T>(self, run: impl FnOnce() -> T) -> T {
        struct Restore(Attempt);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(self));
        run()
    }
}

thread_local! {
    static CURRENT: Cell<Attempt> = const { Cell::new(Attempt { number: 1, budget: BudgetId::NONE }) };
}
