use super::*;

const NOW: Instant = Instant::from_nanos(0);

fn sample(rtt: u64, in_flight: usize, dropped: bool) -> Sample {
    Sample::new(Duration::from_millis(rtt), in_flight, dropped, NOW)
}

/// A service, and a clock.
struct World {
    vegas: Vegas,
    millis: u64,
}

impl World {
    fn new(vegas: Vegas) -> Self {
        Self { vegas, millis: 0 }
    }

    fn call(&mut self, rtt: u64, in_flight: usize, dropped: bool) -> usize {
        let now = Instant::from_nanos(self.millis * 1_000_000);
        self.vegas.on_sample(Sample { now, ..sample(rtt, in_flight, dropped) })
    }

    /// Calls for a second, the last of which closes a window.
    fn second(&mut self, rtt: impl Fn(usize) -> u64, in_flight: impl Fn(usize) -> usize) -> usize {
        for step in 0..21 {
            self.millis += if step == 0 { 0 } else { 50 };
            let in_flight = in_flight(self.vegas.limit());
            self.call(rtt(in_flight), in_flight, false);
        }
        self.vegas.limit()
    }

    /// As many calls as the limit allows.
    fn busy(&mut self, rtt: impl Fn(usize) -> u64) -> usize {
        self.second(rtt, |limit| limit)
    }

    fn drops(&mut self, count: usize) -> usize {
        for _ in 0..count {
            self.millis += 100;
            self.call(1000, self.vegas.limit(), true);
        }
        self.vegas.limit()
    }
}

/// So many workers that take so long, the rest waits.
fn service(workers: u64, millis: u64) -> impl Fn(usize) -> u64 {
    move |in_flight| (millis * in_flight as u64).div_ceil(workers).max(millis)
}

#[test]
fn it_follows_the_vectors_per_sample() {
    let mut vegas = Vegas::per_sample();
    let samples = [
        (10, 20, false),
        (10, 20, false),
        (12, 26, false),
        (11, 26, false),
        (20, 27, false),
        (20, 5, false),
        (20, 26, true),
    ];
    let limits = samples.map(|(rtt, in_flight, dropped)| vegas.on_sample(sample(rtt, in_flight, dropped)));
    assert_eq!(limits, [20, 26, 26, 26, 25, 25, 24]);
}

#[test]
fn a_window_is_judged_when_it_is_old_enough_and_holds_ten() {
    let mut world = World::new(Vegas::new());
    for _ in 0..9 {
        world.millis += 500;
        assert_eq!(world.call(10, 20, false), 20);
    }
    assert_eq!(world.call(10, 20, false), 20, "the first is the measure");
    for _ in 0..99 {
        world.millis += 10;
        assert_eq!(world.call(10, 20, false), 20);
    }
    world.millis += 10;
    assert_eq!(world.call(10, 20, false), 26);
    assert_eq!(world.vegas.reason(), LimitReason::Headroom);
}

#[test]
fn it_settles_at_what_the_service_can_do_and_a_short_queue() {
    let mut world = World::new(Vegas::new());
    for _ in 0..60 {
        world.busy(service(20, 100));
    }
    for _ in 0..60 {
        let limit = world.busy(service(20, 100));
        assert!((22..=26).contains(&limit) || world.vegas.reason() == LimitReason::Probe, "{limit}");
    }
}

#[test]
fn it_holds_while_less_than_half_is_used() {
    let mut world = World::new(Vegas::new());
    for _ in 0..60 {
        assert_eq!(world.second(|_| 10, |_| 9), 20);
    }
}

#[test]
fn a_lasting_shift_becomes_the_measure_and_a_lasting_queue_does_not() {
    let mut world = World::new(Vegas::new());
    for _ in 0..8 {
        world.busy(service(1000, 10));
    }
    let before = world.vegas.limit();
    for _ in 0..30 {
        world.busy(service(1000, 100));
    }
    assert!(world.vegas.limit() > before, "{} after {before}", world.vegas.limit());

    // Started in a queue: the first measure is ten times too slow.
    let mut world = World::new(Vegas::new());
    for _ in 0..200 {
        world.busy(service(2, 100));
    }
    assert!(world.vegas.limit() <= 8, "{}", world.vegas.limit());
}

#[test]
fn a_probe_counts_only_the_calls_it_let_in_and_ends_without_them() {
    let mut world = World::new(Vegas::new().initial(100).max(100));
    world.busy(|_| 10);
    while world.vegas.reason() != LimitReason::Probe {
        world.busy(|_| 20);
    }
    let few = world.vegas.limit();
    assert!(few < 40, "{few}");
    for _ in 0..9 {
        assert_eq!(world.second(|_| 500, |_| few + 1), few, "from before");
    }
    assert!(world.second(|_| 500, |_| few + 1) > few, "it takes too long");
}

#[test]
fn a_drop_acts_at_once_and_harder_in_silence() {
    let mut world = World::new(Vegas::new().initial(100));
    assert_eq!(world.call(1000, 100, true), 90);
    assert_eq!(world.call(1000, 100, true), 90, "the same news");
    assert_eq!(world.drops(2), 44);
    world.call(10, 10, false);
    assert_eq!(world.drops(1), 39);
    assert_eq!(world.vegas.reason(), LimitReason::Dropped);
}

#[test]
fn an_hour_of_drops_ends_at_one_and_ten_successes_lead_out() {
    let mut world = World::new(Vegas::new());
    for _ in 0..5 {
        world.busy(|_| 10);
    }
    assert_eq!(world.drops(36_000), 1);
    let limits = [(); 3].map(|()| world.busy(|_| 10));
    assert_eq!(limits, [7, 13, 19]);
}

#[test]
fn a_large_limit_is_not_held_by_small_differences() {
    let mut world = World::new(Vegas::new().initial(200));
    world.busy(|_| 1000);
    assert_eq!(world.busy(|_| 1030), 260);
}

#[test]
fn a_probe_of_slow_calls_waits_for_them() {
    let mut world = World::new(Vegas::new().initial(60).max(60));
    let call = |world: &mut World, rtt, in_flight| {
        world.millis += 200;
        world.call(rtt, in_flight, false)
    };
    for _ in 0..20 {
        call(&mut world, 4000, 60);
    }
    while world.vegas.reason() != LimitReason::Probe {
        let limit = world.vegas.limit();
        call(&mut world, 20_000, limit);
    }
    let (few, before) = (world.vegas.limit(), world.vegas.limit);
    world.millis += 20_000;
    for _ in 0..9 {
        world.millis += 2000;
        assert_eq!(call(&mut world, 20_000, few), few);
    }
    assert_eq!(call(&mut world, 20_000, few), before as usize);
    assert_eq!(world.vegas.reason(), LimitReason::Probe, "it ends as what it was");
    for _ in 0..20 {
        let limit = world.vegas.limit();
        call(&mut world, 20_000, limit);
    }
    assert_eq!(world.vegas.reason(), LimitReason::Headroom);
}
