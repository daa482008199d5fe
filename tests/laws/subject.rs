//! What a law is told about a layer, and how a law is run.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use seawall::testing::{Play, Probe};
use tower::{Layer, Service};

use crate::door::Door;
use crate::foreign::Place;

/// Returns from a law that does not hold.
macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        let holds: bool = $holds;
        if !holds {
            return Err(format!($($why)+));
        }
    };
}

/// What a law says of a subject; the error tells how it was broken.
pub(crate) type Verdict = Result<(), String>;

/// A layer, as the laws of a stack want it over a service `S`: it changes neither the response nor the error type, and
/// takes nothing from `Clone`, `Send` and `'static`.
pub(crate) trait Guards<S, R = u64>:
    Layer<
        S,
        Service: Service<R, Response = S::Response, Error = S::Error, Future: Send + 'static>
                     + Clone
                     + Send
                     + 'static,
    >
where
    S: Service<R>,
{
}

impl<L, S, R> Guards<S, R> for L
where
    S: Service<R>,
    L: Layer<
            S,
            Service: Service<R, Response = S::Response, Error = S::Error, Future: Send + 'static>
                         + Clone
                         + Send
                         + 'static,
        >,
{
}

/// A layer under test. What is not said has the value of a layer that holds nothing and never refuses.
#[allow(clippy::struct_excessive_bools, reason = "what a layer does and what it does not")]
pub(crate) struct Subject<L> {
    pub(crate) layer: L,
    /// How much is held for calls on their way, beyond what the script itself can tell.
    pub(crate) held: Box<dyn Fn(&Probe) -> i64>,
    /// What the service must play for a call to hold something, and how much it then holds.
    pub(crate) busy: (Play, i64),
    /// The tokens in hand, if calls spend any.
    pub(crate) tokens: Option<Box<dyn Fn() -> f64>>,
    /// The ways in which the layer can begin to refuse; it does until the guard is dropped.
    pub(crate) refusals: Vec<Refusal>,
    /// The ways in which the layer can make calls wait; it does until the hold is dropped.
    pub(crate) holds: Vec<HoldUp>,
    /// The longest a call waits.
    pub(crate) patience: Duration,
    /// Whether it sends those away who wait too long in a long queue.
    pub(crate) sheds: bool,
    /// Whether it can tell that it would refuse before it sees the request. A layer with keys cannot.
    pub(crate) foresees: bool,
    /// Whether it is ready at once, and makes a clone of the service ready within the call.
    pub(crate) defers: bool,
    /// For a layer with keys: whether requests from [`OTHERS`](crate::foreign::OTHERS) on share the state of those before.
    pub(crate) shares_keys: Option<bool>,
    /// Brings a layer back that has every reason to refuse.
    pub(crate) revive: Box<dyn Fn()>,
    /// Whether it may have a reason to refuse that nothing can take away.
    pub(crate) may_end: bool,
    /// The layer without tower, if it can be used so.
    pub(crate) door: Option<Box<dyn Door>>,
    /// Compares what was seen from outside with the books of the layer.
    pub(crate) account: Box<dyn Fn(&Seen) -> Verdict>,
    /// Where the layer runs code of its user.
    pub(crate) foreign: Vec<Place>,
    /// Where it does so only for calls that have to wait.
    pub(crate) foreign_while_waiting: Vec<Place>,
    /// By how much its future may be larger than the inner one, copies of the request not counted.
    pub(crate) adds: usize,
    /// How many copies of the request its future may keep.
    pub(crate) copies: usize,
}

pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    pub(crate) begin: Box<dyn Fn() -> Box<dyn Any>>,
}

pub(crate) struct HoldUp {
    pub(crate) name: &'static str,
    pub(crate) begin: Box<dyn Fn() -> Box<dyn Hold>>,
}

/// Makes calls wait until it is dropped.
pub(crate) trait Hold {
    /// Lets one more in.
    fn let_in(&mut self);
}

/// What was seen from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) calls: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) refused: u64,
    pub(crate) dropped: u64,
    /// The service panicked.
    pub(crate) broke: u64,
    /// Something else panicked.
    pub(crate) broke_elsewhere: u64,
    /// Something panicked that says what kind of call it is: there never was one.
    pub(crate) broke_before: u64,
    /// Of those that failed: for want of readiness.
    pub(crate) unready: u64,
    /// Calls that the service was given.
    pub(crate) reached: u64,
}

impl<L> Subject<L> {
    pub(crate) fn new(layer: L) -> Self {
        Self {
            layer,
            held: Box::new(|_| 0),
            busy: (Play::Hang, 0),
            tokens: None,
            refusals: Vec::new(),
            holds: Vec::new(),
            patience: Duration::MAX,
            sheds: false,
            foresees: true,
            defers: false,
            shares_keys: None,
            revive: Box::new(|| {}),
            may_end: false,
            door: None,
            account: Box::new(|_| Ok(())),
            foreign: Vec::new(),
            foreign_while_waiting: Vec::new(),
            adds: 0,
            copies: 0,
        }
    }

    /// The pinned size: what its future may add to the inner one.
    pub(crate) fn adds(mut self, bytes: usize) -> Self {
        self.adds = bytes;
        self
    }

    /// There may come a time when it refuses for good.
    pub(crate) fn may_end(mut self) -> Self {
        self.may_end = true;
        self
    }

    pub(crate) fn refuse_by<G: 'static>(
        mut self,
        name: &'static str,
        begin: impl Fn() -> G + 'static,
    ) -> Self {
        self.refusals.push(Refusal { name, begin: Box::new(move || Box::new(begin())) });
        self
    }

    pub(crate) fn hold_by<H: Hold + 'static>(
        mut self,
        name: &'static str,
        begin: impl Fn() -> H + 'static,
    ) -> Self {
        self.holds.push(HoldUp { name, begin: Box::new(move || Box::new(begin())) });
        self
    }

    /// That nothing is held, neither by the layer nor below it.
    pub(crate) fn holds_nothing(&self, probe: &Probe, instances: u64) -> Verdict {
        ensure!(probe.in_flight() == 0, "{} inner futures are kept", probe.in_flight());
        ensure!(probe.instances() == instances, "{} instances instead of {instances}", probe.instances());
        let held = (self.held)(probe);
        ensure!(held == 0, "{held} still held");
        Ok(())
    }
}

/// Runs a law under a paused clock.
pub(crate) fn paused<T>(law: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(law)
}

/// Whether a law holds for a subject; a panic breaks it.
pub(crate) fn judge<L>(
    law: fn(&dyn Fn() -> Subject<L>) -> Verdict,
    make: impl Fn() -> Subject<L>,
) -> Verdict {
    let verdict = catch_unwind(AssertUnwindSafe(|| law(&make)));
    crate::foreign::disarm();
    verdict.unwrap_or_else(|panic| Err(format!("panicked: {}", message(&*panic))))
}

pub(crate) fn uphold<L>(law: fn(&dyn Fn() -> Subject<L>) -> Verdict, make: impl Fn() -> Subject<L>) {
    if let Err(broken) = judge(law, make) {
        panic!("the law is broken: {broken}");
    }
}

/// What a panic said.
pub(crate) fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("something that is no text")
}

/// A test of this law for every line of the table: `law::layer`.
macro_rules! laws {
    ($($law:ident)+) => { $(every_layer! { tests $law })+ };
}

/// The same for the layers that take any type of request.
macro_rules! laws_of_any_request {
    ($($law:ident)+) => { $(every_layer! { tests_of_any_request $law })+ };
}

macro_rules! tests {
    ([$law:ident] $($name:ident = $subject:expr;)+ @of_one_type $($also:ident = $bound:expr;)*) => {
        tests_of_any_request! { [$law] $($name = $subject;)+ $($also = $bound;)* @of_one_type }
    };
}

macro_rules! tests_of_any_request {
    ([$law:ident] $($name:ident = $subject:expr;)+ @of_one_type $($rest:tt)*) => {
        mod $law {
            #[allow(unused_imports, reason = "a table need not use every word")]
            use crate::table::*;
            $(
                #[test]
                fn $name() {
                    crate::subject::uphold(super::$law, || $subject);
                }
            )+
        }
    };
}
