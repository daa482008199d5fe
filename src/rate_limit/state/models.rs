use std::task::{Wake, Waker};

use super::*;
use crate::event::{Common, Pattern};
use crate::name::Name;
use crate::rate_limit::config::Counting;

const MS: u64 = 1_000_000;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * MS)
}

/// Ten a second, one at a time.
fn limiter(counting: Counting) -> Arc<Limiter> {
    let rate = if counting == Counting::Bucket { 10 } else { 1 };
    let config = RateLimitConfig::per_second(rate).burst(1).counting(counting);
    let rules = RateLimitRules::new(config, at(0));
    let layer = Common::new(Pattern::RateLimit, Name::new("model"), false, rules);
    Arc::new(Limiter::new(Voice::of(layer, None), 1, at(0)))
}

fn passes(limiter: &Limiter, now: u64) -> bool {
    matches!(limiter.ask(0, 1, at(now), || at(now)), Turn::Now)
}

fn joins(limiter: &Limiter) -> u64 {
    let Turn::Later(number) = limiter.ask(0, 1, at(0), || Instant::FAR_FUTURE) else { panic!("it waits") };
    number
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Woken {
    fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self(AtomicBool::new(false)))
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

fn look(limiter: &Limiter, number: u64, now: u64, woken: &std::sync::Arc<Woken>) -> Look {
    limiter.poll(number, at(now), &Waker::from(woken.clone()))
}

#[test]
fn of_two_calls_for_one_place_exactly_one_passes() {
    for counting in [Counting::Bucket, Counting::FixedWindow, Counting::SlidingWindow] {
        loom::model(move || {
            let limiter = limiter(counting);
            let other = limiter.clone();
            let racer = loom::thread::spawn(move || passes(&other, 0));
            let mine = passes(&limiter, 0);
            assert!(mine ^ racer.join().unwrap());
        });
    }
}

#[test]
fn one_that_read_the_clock_before_the_border_of_a_window_opens_no_second_one() {
    loom::model(|| {
        let limiter = limiter(Counting::FixedWindow);
        let other = limiter.clone();
        let late = loom::thread::spawn(move || passes(&other, 1_000));
        let early = passes(&limiter, 999);
        let late = late.join().unwrap();
        assert!(early || late);
        assert!(!(passes(&limiter, 1_000) && late));
    });
}

#[test]
fn during_a_pause_nothing_passes_and_at_its_end_one_does_whoever_passed_meanwhile() {
    loom::model(|| {
        let limiter = limiter(Counting::Bucket);
        let other = limiter.clone();
        let racer = loom::thread::spawn(move || passes(&other, 0));
        limiter.pause(Duration::from_secs(1), at(0));
        assert!(!passes(&limiter, 999));
        racer.join().unwrap();
        assert!(!passes(&limiter, 999) && passes(&limiter, 1_000) && !passes(&limiter, 1_000));
    });
}

#[test]
fn a_pause_that_is_ended_while_others_pass_gives_and_takes_nothing() {
    loom::model(|| {
        let limiter = limiter(Counting::Bucket);
        let other = limiter.clone();
        let racer = loom::thread::spawn(move || passes(&other, 0));
        limiter.pause(Duration::from_secs(1), at(0));
        limiter.resume(at(0));
        let taken = racer.join().unwrap();
        assert!(passes(&limiter, 0) ^ taken && !passes(&limiter, 99) && passes(&limiter, 100));
    });
}

#[test]
fn who_looks_while_the_one_before_it_leaves_is_first_or_is_woken() {
    loom::model(|| {
        let limiter = limiter(Counting::Bucket);
        assert!(passes(&limiter, 0));
        let (first, second) = (joins(&limiter), joins(&limiter));
        let other = limiter.clone();
        let leaving = loom::thread::spawn(move || other.abandon_waiting(first, 0));
        let woken = Woken::new();
        let seen = look(&limiter, second, 0, &woken);
        leaving.join().unwrap();
        assert!(seen == Look::Again(at(100)) || woken.get());
        assert_eq!(look(&limiter, second, 100, &woken), Look::Now);
        assert!(!limiter.seems_shut() && limiter.waiting() == 0);
    });
}

#[test]
fn who_looks_while_a_pause_ends_sees_it_or_is_woken() {
    loom::model(|| {
        let limiter = limiter(Counting::Bucket);
        limiter.pause(Duration::from_secs(1), at(0));
        let first = joins(&limiter);
        let other = limiter.clone();
        let resuming = loom::thread::spawn(move || other.resume(at(0)));
        let woken = Woken::new();
        let seen = look(&limiter, first, 0, &woken);
        resuming.join().unwrap();
        assert!(seen == Look::Now || (woken.get() && look(&limiter, first, 0, &woken) == Look::Now));
    });
}

#[test]
fn a_limiter_that_is_closed_while_the_last_leaves_the_queue_stays_closed() {
    loom::model(|| {
        let limiter = limiter(Counting::Bucket);
        assert!(passes(&limiter, 0));
        let first = joins(&limiter);
        let other = limiter.clone();
        let leaving = loom::thread::spawn(move || other.abandon_waiting(first, 0));
        limiter.shut();
        leaving.join().unwrap();
        assert!(!passes(&limiter, 100));
    });
}

#[test]
fn who_looks_while_it_is_closed_sees_it_or_is_woken() {
    loom::model(|| {
        let limiter = limiter(Counting::Bucket);
        assert!(passes(&limiter, 0));
        let first = joins(&limiter);
        let other = limiter.clone();
        let closing = loom::thread::spawn(move || other.shut());
        let woken = Woken::new();
        let seen = look(&limiter, first, 0, &woken);
        closing.join().unwrap();
        assert!(seen == Look::TooLate || woken.get());
    });
}

#[test]
fn who_parks_while_it_begins_to_refuse_sees_it_or_is_woken() {
    let begins: [fn(&Limiter); 4] = [
        |limiter| assert!(!passes(limiter, 0)),
        |limiter| assert!(joins(limiter) > 0),
        |limiter| limiter.pause(Duration::from_secs(1), at(0)),
        Limiter::shut,
    ];
    for begin in begins {
        loom::model(move || {
            let limiter = limiter(Counting::Bucket);
            assert!(passes(&limiter, 0));
            let other = limiter.clone();
            let beginning = loom::thread::spawn(move || begin(&other));
            let (woken, mut parking) = (Woken::new(), None);
            Wakers::park(limiter.parked(), &mut parking, &Waker::from(woken.clone()));
            let seen = limiter.seems_shut();
            beginning.join().unwrap();
            assert!(seen || woken.get());
        });
    }
}
