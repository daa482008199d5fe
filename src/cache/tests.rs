//! What an answer is good for, against a naive reading of the rules; the store in memory, against a list.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::config::CacheConfig;
use super::state::{Kept, Lifetime, Memory, Reply, Store, Use, shortened};
use crate::base::clock::Instant;
use crate::key::Key;

const fn ns(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

const fn at(nanos: u64) -> Instant {
    Instant::from_nanos(1_000_000 + nanos)
}

fn kept(lifetime: Lifetime) -> Kept<()> {
    Kept::new(Key::from(1), (), lifetime, at(0), Duration::ZERO)
}

fn life(fresh: u64, swr: u64, sie: u64) -> Lifetime {
    Lifetime::fresh(ns(fresh)).stale_while_revalidate(ns(swr)).stale_if_error(ns(sie))
}

/// Drawn where no draw may be asked for.
fn no_draw() -> f64 {
    unreachable!("nothing is left to chance")
}

fn good_for(kept: &Kept<()>, after: u64) -> Use {
    kept.good_for(&CacheConfig::new(Duration::MAX), at(after), no_draw)
}

#[test]
fn an_answer_is_fresh_while_its_lifetime_is_longer_than_its_age() {
    let kept = kept(life(100, 0, 0));
    assert_eq!(
        [0, 99, 100, 101].map(|after| good_for(&kept, after)),
        [Use::Fresh, Use::Fresh, Use::Over, Use::Over]
    );
}

#[test]
fn the_stale_windows_begin_where_the_fresh_life_ends() {
    let both = kept(life(10, 30, 50));
    let seen = [9, 10, 39, 40, 59, 60].map(|after| good_for(&both, after));
    assert_eq!(seen, [Use::Fresh, Use::Stale, Use::Stale, Use::IfFails, Use::IfFails, Use::Over]);
    let shorter = kept(life(10, 30, 5));
    assert_eq!(
        [14, 15, 39, 40].map(|after| good_for(&shorter, after)),
        [Use::Stale, Use::Stale, Use::Stale, Use::Over]
    );
}

#[test]
fn nothing_and_for_ever_are_lifetimes() {
    assert_eq!(good_for(&kept(life(0, 0, 0)), 0), Use::Over);
    assert_eq!(good_for(&kept(life(0, 1, 0)), 0), Use::Stale);
    let for_ever = kept(Lifetime::fresh(Duration::MAX));
    assert_eq!(good_for(&for_ever, u64::MAX / 2), Use::Fresh);
    assert_eq!(for_ever.lifetime(), Lifetime::fresh(Duration::MAX));
    let windows = kept(Lifetime::fresh(ns(1)).stale_if_error(Duration::MAX));
    assert_eq!(good_for(&windows, u64::MAX / 2), Use::IfFails);
    assert!(!windows.is_over(Duration::MAX, at(u64::MAX / 2)));
}

#[test]
fn a_clock_that_goes_back_makes_nothing_older() {
    let kept = kept(life(10, 0, 0));
    assert_eq!(kept.good_for(&CacheConfig::new(ns(1)), Instant::from_nanos(0), no_draw), Use::Fresh);
}

#[test]
fn what_came_from_elsewhere_is_as_old_as_it_says() {
    let config = CacheConfig::new(Duration::MAX);
    let aged = |age| Kept::new(Key::from(1), (), life(100, 0, 0), at(0), ns(age));
    assert_eq!(aged(99).good_for(&config, at(0), no_draw), Use::Fresh);
    assert_eq!(aged(100).good_for(&config, at(0), no_draw), Use::Over);
    assert_eq!(aged(60).age(at(5)), ns(65));
    // Older than the clock: as old as the clock, and no panic.
    assert!(Kept::new(Key::from(1), (), life(1, 0, 0), at(0), Duration::MAX).age(at(0)) > ns(0));
}

#[test]
fn what_is_not_yet_confirmed_is_good_for_nothing() {
    let kept = kept(life(10, 10, 10)).unconfirmed();
    assert_eq!([0, 15].map(|after| good_for(&kept, after)), [Use::Over; 2]);
    assert_eq!(kept.age(at(5)), ns(5));
    kept.confirm();
    assert_eq!([9, 10].map(|after| good_for(&kept, after)), [Use::Fresh, Use::Stale]);
}

#[test]
fn what_nobody_asks_for_is_over_and_asking_prolongs_it() {
    let config = CacheConfig::new(Duration::MAX).tti(ns(10));
    let kept = kept(Lifetime::fresh(Duration::MAX)).idle_from(at(0));
    let good_for = |after| kept.good_for(&config, at(after), no_draw);
    assert_eq!([good_for(9), good_for(10)], [Use::Fresh, Use::Over]);
    kept.touch(at(9));
    assert_eq!([good_for(18), good_for(19)], [Use::Fresh, Use::Over]);
    kept.touch(at(3));
    assert_eq!(good_for(18), Use::Fresh, "a late touch takes nothing back");
    assert!(kept.is_over(config.tti, at(19)) && !kept.is_over(config.tti, at(18)));
    let at_once = CacheConfig::new(Duration::MAX).tti(Duration::ZERO);
    assert_eq!(kept.good_for(&at_once, at(9), no_draw), Use::Over);
}

#[test]
fn an_early_fetch_follows_the_formula() {
    let config = CacheConfig::new(Duration::MAX).early_refresh(2.0);
    // A fetch takes 1 ms; e^-1 is drawn, so it is made from 2 ms before the end.
    let kept = kept(Lifetime::fresh(Duration::from_millis(10))).costing(Duration::from_millis(1));
    let unit = 1.0 - (-1.0_f64).exp();
    let good_for = |after| kept.good_for(&config, at(after), || unit);
    assert_eq!(good_for(7_999_000), Use::Fresh);
    assert_eq!(good_for(8_001_000), Use::Early);
    assert_eq!(kept.good_for(&config, at(9_999_999), || 0.0), Use::Fresh, "the least draw is never early");
    let free = self::kept(Lifetime::fresh(ns(10)));
    assert_eq!(
        free.good_for(&config, at(9), || 0.999_999),
        Use::Fresh,
        "what costs nothing is not fetched early"
    );
    let for_ever = self::kept(Lifetime::fresh(Duration::MAX)).costing(Duration::MAX);
    assert_eq!(for_ever.good_for(&config, at(9), || 0.999_999), Use::Fresh);
}

#[test]
fn jitter_only_shortens() {
    let ttl = Duration::from_secs(100);
    assert_eq!(shortened(ttl, 0.0, no_draw), ttl);
    assert_eq!(shortened(ttl, 0.25, || 0.0), ttl);
    assert_eq!(shortened(ttl, 0.25, || 1.0), Duration::from_secs(75));
    assert_eq!(shortened(ttl, 1.0, || 1.0), Duration::ZERO);
    assert_eq!(shortened(Duration::MAX, 1.0, no_draw), Duration::MAX);
}

/// The rules again, with numbers that cannot overflow.
fn naive(life: [u64; 3], tti: Option<u64>, used: u64, now: u64) -> Use {
    let [fresh, swr, sie] = life.map(u128::from);
    let age = u128::from(now);
    if tti.is_some_and(|tti| now.saturating_sub(used) >= tti) {
        Use::Over
    } else if fresh > age {
        Use::Fresh
    } else if fresh + swr > age {
        Use::Stale
    } else if fresh + sie > age {
        Use::IfFails
    } else {
        Use::Over
    }
}

fn boundary(life: [u64; 3]) -> impl Strategy<Value = u64> {
    let [fresh, swr, sie] = life;
    let edges = [fresh, fresh.saturating_add(swr), fresh.saturating_add(sie)];
    prop_oneof![
        proptest::sample::select(edges.to_vec()),
        proptest::sample::select(edges.to_vec()).prop_map(|edge| edge.saturating_sub(1)),
        0..2_000_u64,
    ]
}

fn lengths() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..1_000_u64, Just(1), Just(u64::MAX / 4)]
}

proptest! {
    #[test]
    fn what_an_answer_is_good_for_is_what_the_rules_say(
        (life, now) in [lengths(), lengths(), lengths()].prop_flat_map(|life| (Just(life), boundary(life))),
        used in 0..1_000_u64,
        tti in proptest::option::of(lengths()),
    ) {
        let config = CacheConfig::new(Duration::MAX).tti(tti.map_or(Duration::MAX, ns));
        let kept = kept(self::life(life[0], life[1], life[2])).idle_from(at(0));
        kept.touch(at(used));
        let good_for = kept.good_for(&config, at(now), no_draw);
        prop_assert_eq!(good_for, naive(life, tti, used, now));
        if kept.is_over(config.tti, at(now)) {
            prop_assert_eq!(good_for, Use::Over);
        }
    }

    #[test]
    fn what_was_over_stays_over(
        life in [lengths(), lengths(), lengths()],
        mut ages in proptest::collection::vec(0..3_000_u64, 2..20),
    ) {
        ages.sort_unstable();
        let kept = kept(self::life(life[0], life[1], life[2]));
        let rank = |good_for| match good_for {
            Use::Fresh | Use::Early => 0,
            Use::Stale => 1,
            Use::IfFails => 2,
            Use::Over => 3,
        };
        let ranks: Vec<_> = ages.iter().map(|&age| rank(good_for(&kept, age))).collect();
        prop_assert!(ranks.is_sorted());
    }

    #[test]
    fn the_store_holds_what_a_list_of_answers_says(
        ops in proptest::collection::vec((0..4_u8, 0..40_u64, 1..4_u32), 1..400),
        capacity in prop_oneof![Just(0), 1..60_u64, Just(10_000)],
    ) {
        let store = Memory::new(capacity, Duration::MAX);
        let mut list: HashMap<u64, u64> = HashMap::new();
        for (number, (op, key, weight)) in ops.into_iter().enumerate() {
            match op {
                0 | 1 => {
                    let number = number as u64;
                    let kept = Kept::new(Key::from(key), number, Lifetime::fresh(Duration::MAX), at(0), Duration::ZERO);
                    let Reply::Now(Ok(())) = store.insert(Arc::new(kept.weighing(weight))) else { unreachable!() };
                    list.insert(key, number);
                }
                2 => {
                    let Reply::Now(Ok(())) = store.remove(&Key::from(key)) else { unreachable!() };
                    list.remove(&key);
                }
                _ => {
                    let found = get(&store, key);
                    // It may have forgotten, but it never says anything else.
                    prop_assert!(found.is_none() || found == list.get(&key).copied());
                    if capacity == 10_000 {
                        prop_assert_eq!(found, list.get(&key).copied());
                    }
                }
            }
            let size = store.size().unwrap();
            prop_assert!(size.weight <= capacity, "{} of {}", size.weight, capacity);
            prop_assert!(size.entries <= list.len() as u64);
        }
        let Reply::Now(Ok(())) = store.clear() else { unreachable!() };
        prop_assert_eq!(store.size(), Some(super::Size::new(0, 0)));
    }
}

fn get(store: &Memory<u64>, key: u64) -> Option<u64> {
    let Reply::Now(Ok(found)) = store.get(&Key::from(key)) else { unreachable!() };
    found.map(|kept| *kept.response())
}

fn put(store: &Memory<u64>, key: u64, fresh: Duration, now: u64) {
    let kept = Kept::new(Key::from(key), key, Lifetime::fresh(fresh), at(now), Duration::ZERO);
    let Reply::Now(Ok(())) = store.insert(Arc::new(kept)) else { unreachable!() };
}

#[test]
fn what_is_over_leaves_though_nobody_asks_for_it() {
    let store = Memory::new(10_000, Duration::MAX);
    (0..1_000).for_each(|key| put(&store, key, ns(10), 0));
    (0..1_000).for_each(|key| put(&store, 100_000 + key % 10, Duration::MAX, 10));
    (0..3_000).for_each(|key| put(&store, 200_000 + key, Duration::MAX, 10));
    let size = store.size().unwrap();
    assert!(size.entries <= 3_010, "{size:?}");
}

#[test]
fn what_is_heavier_than_its_part_is_not_kept_and_takes_nothing_with_it() {
    let store = Memory::new(10, Duration::MAX);
    put(&store, 1, Duration::MAX, 0);
    let heavy =
        Kept::new(Key::from(2), 2, Lifetime::fresh(Duration::MAX), at(0), Duration::ZERO).weighing(11);
    let Reply::Now(Ok(())) = store.insert(Arc::new(heavy)) else { unreachable!() };
    assert_eq!((get(&store, 1), get(&store, 2)), (Some(1), None));
}

#[test]
fn whoever_was_asked_for_again_outlives_a_crowd_asked_for_once() {
    let store = Memory::new(1_000, Duration::MAX);
    (0..100).for_each(|key| put(&store, key, Duration::MAX, 0));
    for _ in 0..3 {
        (0..100).for_each(|key| assert_eq!(get(&store, key), Some(key)));
    }
    (1_000..20_000).for_each(|key| put(&store, key, Duration::MAX, 0));
    let stayed = (0..100).filter(|&key| get(&store, key).is_some()).count();
    assert!(stayed >= 90, "{stayed} of 100 stayed");
}
