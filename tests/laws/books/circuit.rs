//! How one looks into a circuit, and makes it refuse.

use seawall::circuit_breaker::{CircuitBreakerPermit, CircuitState, Handle};
use seawall::gate::Permit;
use seawall::{Instant, Outcome, RejectedKind};

use super::{Books, Until};
use crate::foreign::Heard;
use crate::subject::Subject;

/// A layer with a circuit in it, which is looked at and made to refuse by its handle.
pub(crate) fn on_circuit<L>(layer: L, handle: Handle, heard: Option<Heard>, direct: bool) -> Subject<L> {
    circuit_of(&Books::new(handle, heard), layer, direct)
}

pub(crate) fn circuit_of<L>(books: &Books<Handle>, layer: L, direct: bool) -> Subject<L> {
    let handle = books.handle.clone();
    let holds = if handle.state() == CircuitState::HalfOpen { 2 } else { 1 };
    let subject = books.subject(layer, holds, direct);
    let held = subject.held;
    let (kept, revived) = (books.clone(), handle.clone());
    let mut subject = Subject { held: Box::new(move |probe| held(probe) + kept_beside(&kept)), ..subject }
        .refuse_by("isolated by hand", {
            let handle = handle.clone();
            move || handle.isolate()
        })
        .refuse_by("forced open by hand", {
            let handle = handle.clone();
            move || handle.force_open()
        })
        .refuse_by("opened by hand", {
            let books = books.clone();
            move || {
                books.handle.open_until(Instant::FAR_FUTURE);
                closing_again(&books, Vec::new())
            }
        })
        .refuse_by("tripped by failures", {
            let books = books.clone();
            move || {
                books.aside(trip);
                closing_again(&books, Vec::new())
            }
        })
        .refuse_by("half-open with all probes out", {
            let books = books.clone();
            move || {
                let probes = books.aside(|handle| {
                    handle.open_until(Instant::now());
                    std::iter::from_fn(|| handle.try_admit().ok()).collect()
                });
                closing_again(&books, probes)
            }
        });
    subject.revive = Box::new(move || revived.reset());
    subject
}

/// What calls keep beside themselves: a probe's place, an age.
fn kept_beside(books: &Books<Handle>) -> i64 {
    match books.handle.state() {
        CircuitState::HalfOpen => books.aside(|handle| match handle.try_admit() {
            Ok(permit) => {
                permit.settle(Outcome::Ignored);
                0
            }
            Err(rejected) => i64::from(rejected.kind() != RejectedKind::Closed),
        }),
        // Open, it would tell how many hung when it tripped.
        CircuitState::Open => 0,
        _ => books.handle.counts().hanging as i64,
    }
}

fn closing_again(
    books: &Books<Handle>,
    mut probes: Vec<CircuitBreakerPermit>,
) -> Until<impl FnMut() + use<>> {
    let books = books.clone();
    Until(move || {
        books.handle.reset();
        books.aside(|_| probes.drain(..).for_each(|probe| probe.settle(Outcome::Ignored)));
    })
}

/// As many failures as it takes; none if it refuses already, or if its rules never let it trip at once.
fn trip(handle: &Handle) {
    for _ in 0..200 {
        match handle.try_admit() {
            Ok(permit) => permit.settle(Outcome::TRANSIENT),
            Err(_) => return,
        }
    }
}

/// Makes a circuit half-open, and lets so many probes succeed.
pub(crate) fn probe(handle: &Handle, successes: u32) {
    handle.open_until(Instant::now());
    for _ in 0..successes {
        handle.try_admit().expect("a probe").settle(Outcome::Success);
    }
}
