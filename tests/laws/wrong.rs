//! A small layer that is right, and can be made wrong in one way at a time: what its services share.

use std::collections::HashMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use seawall::testing::Play;

use crate::books::Ledger;
use crate::foreign::{Place, pass};
use crate::subject::Subject;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    None,
    CallsAClone,
    ReadiesInTheCall,
    ClonesReadiness,
    SwallowsTheErrorOfReadiness,
    LeaksOnAnErrorOfReadiness,
    RefusesTheThirdCall,
    HidesTheError,
    LeaksBeforeTheFirstPoll,
    LeaksWhenDropped,
    LeaksTheInnerFuture,
    KeepsAToken,
    HoldsALockWhileItPolls,
    LeaksOnAPanicInCall,
    LeaksOnAPanicInPoll,
    LetsAListenerPanic,
    JudgesInDrop,
    AsksTheServiceBeforeItRefuses,
    LetsThoseWhoWaitWait,
    RefusesInReadiness,
    KeepsTheReadiedService,
    CallsUnreadied,
    SwallowsWakes,
    InventsWakes,
    KeepsTheFirstWaker,
    KeepsWakersOfThoseWhoLeft,
    Spawns,
    AddsToAnInstant,
    WrapsAfterTwoMonths,
    LosesTheDropped,
    TellsNobodyOfRefusals,
    CountsPanicsTwice,
    TakesAnErrorForASuccess,
    SharesWithEverybody,
    SharesWithNobody,
}

use Defect as D;

#[derive(Clone)]
pub(crate) struct Wrong {
    pub(crate) defect: Defect,
    pub(crate) state: Arc<State>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) refusing: AtomicBool,
    /// Taken for the calls on their way.
    pub(crate) held: AtomicI64,
    pub(crate) tokens: AtomicI64,
    pub(crate) told: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) parked: Mutex<HashMap<u64, Waker>>,
    pub(crate) callers: AtomicU64,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) lock: Mutex<()>,
    pub(crate) began: Mutex<Option<tokio::time::Instant>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    pub(crate) fn refuses(&self) -> bool {
        self.refusing.load(SeqCst)
    }

    pub(crate) fn do_what_is_wrong_in_call(&self, defect: Defect) {
        let began = *lock(&self.began).get_or_insert_with(tokio::time::Instant::now);
        match defect {
            D::KeepsAToken => _ = self.tokens.fetch_sub(1, SeqCst),
            D::LeaksOnAPanicInCall => _ = self.held.fetch_add(1, SeqCst),
            D::Spawns => drop(tokio::spawn(std::future::pending::<()>())),
            D::AddsToAnInstant => _ = began + Duration::MAX,
            D::WrapsAfterTwoMonths => _ = u32::try_from(began.elapsed().as_millis()).expect("not so long"),
            _ => {}
        }
    }

    pub(crate) fn tell(&self, defect: Defect) {
        self.told.fetch_add(1, SeqCst);
        if defect == D::LetsAListenerPanic {
            return pass(Place::Listener);
        }
        let _goes_no_further = catch_unwind(AssertUnwindSafe(|| pass(Place::Listener)));
    }
}

/// A subject with this defect.
pub(crate) fn wrong(defect: Defect) -> Subject<Wrong> {
    static EVERYBODY: Mutex<Option<Arc<State>>> = Mutex::new(None);
    let state = if defect == D::SharesWithEverybody {
        lock(&EVERYBODY).get_or_insert_default().clone()
    } else {
        Arc::default()
    };
    let mut subject = Subject::new(Wrong { defect, state: state.clone() });
    subject.busy = (Play::Hang, 1);
    subject.foreign = vec![Place::Classifier, Place::Listener];
    subject.held = Box::new({
        let state = state.clone();
        move |_| state.held.load(SeqCst)
    });
    subject.tokens = Some(Box::new({
        let state = state.clone();
        move || state.tokens.load(SeqCst) as f64
    }));
    subject.account = Box::new({
        let state = state.clone();
        move |seen| {
            let (ledger, told) = (*lock(&state.ledger), state.told.load(SeqCst));
            ledger.accounts_for(seen)?;
            ensure!(told == ledger.calls(), "{told} were told of {ledger:?}");
            Ok(())
        }
    });
    subject.refuse_by("told to", move || {
        state.refusing.store(true, SeqCst);
        if defect != D::LetsThoseWhoWaitWait {
            let parked = mem::take(&mut *lock(&state.parked));
            parked.into_values().for_each(Waker::wake);
        }
        Refusing(state.clone())
    })
}

struct Refusing(Arc<State>);

impl Drop for Refusing {
    fn drop(&mut self) {
        self.0.refusing.store(false, SeqCst);
    }
}
