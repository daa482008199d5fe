//! Listens to the layers: how often was a call tried again, and when did the circuit turn?

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use seawall::circuit_breaker::{CircuitState, TransitionReason};
use seawall::event::{Event, EventKind, Listener};
use tokio::time::Instant;

/// What was heard so far. Clones hear for each other.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    retries: AtomicU64,
    turns: Mutex<Vec<Turn>>,
}

/// The circuit changed its state.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) at: Instant,
    pub(crate) from: CircuitState,
    pub(crate) to: CircuitState,
    pub(crate) reason: TransitionReason,
}

impl Listener for Watch {
    /// Called in the middle of a call, so it only counts and notes.
    fn on_event(&self, event: &Event) {
        match event.kind {
            EventKind::Retrying { .. } => {
                self.heard.retries.fetch_add(1, Ordering::Relaxed);
            }
            EventKind::Transition { from, to, reason, .. } => {
                let turn = Turn { at: Instant::now(), from, to, reason };
                self.heard.turns.lock().unwrap_or_else(PoisonError::into_inner).push(turn);
            }
            _ => {}
        }
    }
}

impl Watch {
    pub(crate) fn retries(&self) -> u64 {
        self.heard.retries.load(Ordering::Relaxed)
    }

    pub(crate) fn turns(&self) -> Vec<Turn> {
        self.heard.turns.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
