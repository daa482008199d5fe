//! Looking at a live circuit and steering it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::layer::{CircuitBreakerPermit, present};
use super::state::{Circuit, Manual as ManualModes, Mode};
use crate::base::clock::{Instant, Sleep};
use crate::base::held::Home;
use crate::base::wakers::Wakers;
use crate::base::window::Counts;
use crate::error::Error;
use crate::event::{CircuitState, Subscription};
use crate::gate::apart;
use crate::gate::keyed::State;
use crate::rejected::Rejected;
use crate::totals::Totals;

/// Looks at a live circuit and steers it, from anywhere. Clones look at the same circuit.
#[derive(Clone)]
pub struct Handle {
    circuit: Home<Circuit>,
}

impl From<Home<Circuit>> for Handle {
    fn from(circuit: Home<Circuit>) -> Self {
        Self { circuit }
    }
}

impl Handle {
    /// The state. An open circuit stays open past its time until a call comes: no task runs.
    #[must_use]
    pub fn state(&self) -> CircuitState {
        self.circuit.state(present(&self.circuit))
    }

    /// The manual mode that holds, if any. [`state`](Self::state) is what lies beneath it.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.circuit.mode()
    }

    /// When the next call may pass, while none may.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        self.circuit.until(present(&self.circuit))
    }

    /// What the window holds; while the circuit is open or half-open, what it held at the trip.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.circuit.counts(present(&self.circuit))
    }

    /// Calls since the layer was made.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.circuit.totals()
    }

    /// Calls let through that have not ended.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.circuit.in_flight()
    }

    /// Events from now on; of a keyed layer, those of all its keys.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.circuit.voice.events().subscribe()
    }

    /// Asks for the right to make one call without tower: for a database driver or a queue consumer.
    ///
    /// # Errors
    /// The refusal.
    pub fn try_admit(&self) -> Result<CircuitBreakerPermit, Rejected> {
        CircuitBreakerPermit::ask(self.circuit.find())
    }

    /// As [`try_admit`](Self::try_admit): a circuit makes nobody wait. All gates have both.
    ///
    /// # Errors
    /// The refusal.
    #[expect(clippy::unused_async, reason = "the same for all gates")]
    pub async fn admit(&self) -> Result<CircuitBreakerPermit, Rejected> {
        self.try_admit()
    }

    /// Does `work` if the circuit lets it. An error is a failure, and so is a panic.
    ///
    /// # Errors
    /// The refusal, or the error of `work`.
    pub async fn run<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Error<E>> {
        apart::run(self.admit(), work).await
    }

    /// Lets nothing through any more, and resolves when the last call in flight has ended. For good; what lets traffic flow
    /// is [`reset`](Self::reset).
    pub async fn close(&self) {
        apart::close(&self.circuit, present(&self.circuit)).await;
    }

    /// Resolves when a call would be let through again: the circuit is closed, or the next call may probe. For batch
    /// jobs, which otherwise burn their items on refusals. After [`close`](Self::close) none ever will: it resolves at once,
    /// and the next call is told.
    pub async fn until_closed(&self) {
        let mut parking = None;
        while self.is_waited_for() {
            let until = self.until();
            let wait = until.map(|until| until.saturating_duration_since(present(&self.circuit)));
            let mut sleep = pin!(wait.map(Sleep::new));
            poll_fn(|cx| {
                Wakers::park(self.circuit.parked(), &mut parking, cx.waker());
                // It may have changed its mind before it could know of this waker.
                if !self.is_waited_for() || self.until() != until {
                    return Poll::Ready(());
                }
                sleep.as_mut().as_pin_mut().map_or(Poll::Pending, |sleep| sleep.poll(cx))
            })
            .await;
        }
    }

    /// Refuses every call while the guard lives: the service is taken out by hand. Holds before all other modes.
    pub fn isolate(&self) -> Manual {
        self.ask_for(Mode::Isolated)
    }

    /// Refuses every call while the guard lives, as if the circuit had tripped.
    pub fn force_open(&self) -> Manual {
        self.ask_for(Mode::ForcedOpen)
    }

    /// Lets every call through while the guard lives; results are counted, and decide nothing.
    pub fn disable(&self) -> Manual {
        self.ask_for(Mode::Disabled)
    }

    /// Lets every call through while the guard lives; the circuit goes on deciding, and its events tell what it would do.
    pub fn observe_only(&self) -> Manual {
        self.ask_for(Mode::ObserveOnly)
    }

    /// Ends the modes that were [kept](Manual::keep). Those with a living guard stay.
    pub fn release(&self) {
        self.circuit.steer(present(&self.circuit), ManualModes::release);
    }

    /// Closes the circuit and forgets what was. Manual modes stay.
    pub fn reset(&self) {
        self.circuit.reset(present(&self.circuit));
    }

    /// Opens the circuit until then; after that it is half-open as after a trip.
    pub fn open_until(&self, until: Instant) {
        self.circuit.open_until(until, present(&self.circuit));
    }

    fn is_waited_for(&self) -> bool {
        self.circuit.refuses(|| present(&self.circuit)) && !self.circuit.is_shut_down()
    }

    fn ask_for(&self, mode: Mode) -> Manual {
        self.circuit.steer(present(&self.circuit), |manual| manual.ask_for(mode));
        Manual { circuit: self.circuit.clone(), mode }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("circuit", &*self.circuit).finish()
    }
}

/// A manual mode, which ends when this is dropped.
///
/// Of several at once the strongest holds: isolated before forced open, before disabled, before observe-only.
#[must_use = "the mode ends when this is dropped; `keep` makes it stay"]
pub struct Manual {
    circuit: Home<Circuit>,
    mode: Mode,
}

impl Manual {
    /// Makes the mode stay until [`Handle::release`].
    pub fn keep(self) {
        self.circuit.steer(present(&self.circuit), |manual| manual.keep(self.mode));
    }
}

impl Drop for Manual {
    fn drop(&mut self) {
        self.circuit.steer(present(&self.circuit), |manual| manual.let_go(self.mode));
    }
}

impl fmt::Debug for Manual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manual").field("mode", &self.mode).finish_non_exhaustive()
    }
}
