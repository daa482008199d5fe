//! A limit of the user, which may be wrong.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seawall::adaptive::{Aimd, Gradient2, Limit, LimitReason, Sample, Vegas};
use seawall::gate::Permit;
use seawall::{AdaptiveLayer, Outcome};

use super::support::*;

/// Says what the list says.
struct Says(Vec<usize>, usize);

impl Limit for Says {
    fn limit(&self) -> usize {
        self.0[0]
    }

    fn on_sample(&mut self, _: Sample) -> usize {
        self.1 += 1;
        self.0[self.1 % self.0.len()]
    }
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_cut_to_what_is_possible() {
    let layer = AdaptiveLayer::new(config()).limit(|| Says(vec![0, usize::MAX, 7, 0], 0));
    let (mut service, handle) = limited(layer);
    let mut events = handle.subscribe();
    assert_eq!(handle.limit(), 1, "nothing means one");
    for _ in 0..4 {
        call(&mut service, Outcome::Success, ms(1)).await.unwrap();
    }
    let most = 4_194_303;
    let custom = LimitReason::Custom;
    assert_eq!(moves(&mut events), [(1, most, custom), (most, 7, custom), (7, 1, custom)]);
    assert_eq!((handle.limit(), handle.in_flight()), (1, 0));
}

/// Hears what calls took, and moves nothing.
struct Hears(Arc<Mutex<Vec<(Duration, usize, bool)>>>);

impl Limit for Hears {
    fn limit(&self) -> usize {
        3
    }

    fn on_sample(&mut self, sample: Sample) -> usize {
        self.0.lock().unwrap().push((sample.rtt, sample.in_flight, sample.dropped));
        3
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_judged_before_its_end_took_as_long_as_until_then_and_keeps_its_place() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let handle = AdaptiveLayer::new(config()).limit(move || Hears(hears.clone())).handle();
    let [mut ends, mut leaves, mut slows] = [(); 3].map(|()| handle.try_admit().unwrap());
    tokio::time::advance(ms(5)).await;
    ends.judged(Outcome::Success);
    leaves.judged(Outcome::Success);
    slows.judged(THROTTLED);
    let samples = [(ms(5), 1, false), (ms(5), 2, false), (ms(5), 3, true)];
    assert_eq!((&*heard.lock().unwrap(), handle.in_flight()), (&samples.to_vec(), 3));
    assert!(handle.try_admit().is_err(), "the places are taken");
    tokio::time::advance(10_000 * SECOND).await;
    ends.settle(Outcome::Success);
    slows.settle(THROTTLED);
    drop(leaves);
    assert_eq!((heard.lock().unwrap().len(), handle.in_flight()), (3, 0));
    let totals = handle.totals();
    assert_eq!((totals.successes, totals.ignored, totals.abandoned, totals.calls()), (1, 1, 1, 4));
}

struct Panics;

impl Limit for Panics {
    fn limit(&self) -> usize {
        3
    }

    fn on_sample(&mut self, _: Sample) -> usize {
        panic!("in a limit of the user");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_says_nothing_and_costs_no_place() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config()).limit(|| Panics));
    for outcome in [Outcome::Success, THROTTLED, Outcome::Success] {
        assert_eq!(call(&mut service, outcome, ms(1)).await.unwrap(), outcome);
    }
    let begun = admitted(&mut service, Do(Outcome::Success, 10 * SECOND)).await;
    tokio::time::advance(2 * SECOND).await;
    drop(begun);
    assert_eq!((handle.limit(), handle.in_flight()), (3, 0));
    let totals = handle.totals();
    assert_eq!((totals.successes, totals.ignored, totals.abandoned), (2, 1, 1));
}

/// Answers one success with a panic.
struct Stumbles(usize);

impl Limit for Stumbles {
    fn limit(&self) -> usize {
        5
    }

    fn on_sample(&mut self, _: Sample) -> usize {
        self.0 += 1;
        assert!(self.0 != 1, "in a limit of the user");
        9
    }

    fn reason(&self) -> LimitReason {
        assert!(self.0 != 2, "in its reason");
        LimitReason::Headroom
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_panicked_is_asked_again() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config()).limit(|| Stumbles(0)));
    let mut limits = vec![];
    for _ in 0..3 {
        call(&mut service, Outcome::Success, ms(1)).await.unwrap();
        limits.push(handle.limit());
    }
    assert_eq!(limits, [5, 5, 9]);
}

/// A place is given back in an unwind too, and a second panic there would abort.
#[tokio::test(start_paused = true)]
async fn one_that_panics_while_a_panic_unwinds_does_not_abort() {
    let (mut service, handle) =
        limited(AdaptiveLayer::new(config().abandoned_after(std::time::Duration::ZERO)).limit(|| Panics));
    let begun = admitted(&mut service, Do(Outcome::Success, 10 * SECOND)).await;
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _dropped_in_the_unwind = begun;
        panic!("of the caller");
    }));
    assert!(caught.is_err());
    assert_eq!((handle.in_flight(), handle.totals().abandoned), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn it_may_look_at_the_layer_while_it_thinks() {
    struct Looks(Arc<std::sync::OnceLock<seawall::adaptive::Handle>>, Arc<AtomicUsize>);
    impl Limit for Looks {
        fn limit(&self) -> usize {
            8
        }
        fn on_sample(&mut self, _: Sample) -> usize {
            let handle = self.0.get().expect("set");
            self.1.store((handle.limit() + handle.in_flight()) as usize, Ordering::SeqCst);
            let _asked_for_a_place = handle.try_admit().map(drop);
            8
        }
    }
    let (door, seen) = (Arc::new(std::sync::OnceLock::new()), Arc::new(AtomicUsize::new(0)));
    let (way, eye) = (door.clone(), seen.clone());
    let (mut service, handle) =
        limited(AdaptiveLayer::new(config()).limit(move || Looks(way.clone(), eye.clone())));
    door.set(handle.clone()).ok();
    call(&mut service, Outcome::Success, ms(1)).await.unwrap();
    // The call itself has given its place back by then.
    assert_eq!((seen.load(Ordering::SeqCst), handle.in_flight()), (8, 0));
}

#[tokio::test(start_paused = true)]
async fn the_ones_of_the_house_can_be_set_up_by_hand() {
    let layers = [
        AdaptiveLayer::new(config()).limit(|| Vegas::new().initial(7).window(ms(100), 1).probe_every(SECOND)),
        AdaptiveLayer::new(config()).limit(|| Aimd::new().initial(7).max(9)),
        AdaptiveLayer::new(config()).limit(|| Gradient2::new().initial(7)),
    ];
    for layer in layers {
        assert_eq!(layer.handle().limit(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_one_given_stays_and_a_handle_taken_before_sees_another_limit() {
    let layer = AdaptiveLayer::new(config());
    let before = layer.handle();
    let layer = layer.limit(|| Says(vec![5], 0)).limit(|| Says(vec![6], 0));
    assert_eq!((before.limit(), layer.handle().limit()), (20, 5));
    let _held = layer.handle().try_admit().unwrap();
    assert_eq!((before.in_flight(), layer.handle().in_flight()), (0, 1));
}

/// A limit that moves with every call moves every time, and the pool with it.
#[tokio::test(start_paused = true)]
async fn one_that_moves_with_every_call_is_followed() {
    let (_, handle) = limited(AdaptiveLayer::new(config()).limit(|| Says(vec![5, 6], 0)));
    let mut events = handle.subscribe();
    for call in 1..=100 {
        handle.try_admit().unwrap().settle(Outcome::Success);
        assert_eq!(handle.limit(), 5 + call % 2);
        assert_eq!(moves(&mut events).len(), 1);
    }
}
