use super::*;

fn limits() -> Vec<Box<dyn Limit>> {
    vec![
        Box::new(Vegas::new()),
        Box::new(Vegas::per_sample()),
        Box::new(Vegas::new().window(Duration::ZERO, 1).probe_every(Duration::ZERO)),
        Box::new(Vegas::new().initial(0).max(0).window(Duration::MAX, u32::MAX)),
        Box::new(Vegas::per_sample().initial(usize::MAX).max(usize::MAX)),
        Box::new(Aimd::new()),
        Box::new(Aimd::new().latency(Duration::ZERO)),
        Box::new(Aimd::new().initial(usize::MAX).max(usize::MAX)),
        Box::new(Gradient2::new()),
        Box::new(Gradient2::per_sample()),
        Box::new(Gradient2::per_sample().initial(usize::MAX).max(usize::MAX)),
    ]
}

#[test]
fn whatever_is_fed_a_limit_is_one_at_least() {
    let rtts = [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1), Duration::MAX];
    let in_flights = [0, 1, 20, usize::MAX];
    let nows = [0, 1, 1_000_000_000, u64::MAX, u64::MAX / 2];
    for mut limit in limits() {
        let mut state: u64 = 1;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let pick = |shift: u32, of: usize| (state >> shift) as usize % of;
            let now = Instant::from_nanos(nows[pick(40, nows.len())]);
            let sample = Sample::new(
                rtts[pick(33, rtts.len())],
                in_flights[pick(36, in_flights.len())],
                pick(50, 4) == 0,
                now,
            );
            let read = limit.on_sample(sample);
            assert!(read >= 1);
            assert_eq!(read, limit.limit());
        }
    }
}

#[test]
fn every_limit_reaches_the_floor_in_a_black_hole_and_returns() {
    let limits: [Box<dyn Limit>; 3] =
        [Box::new(Vegas::new()), Box::new(Aimd::new()), Box::new(Gradient2::new())];
    for mut limit in limits {
        let mut millis = 0;
        let mut feed = |limit: &mut Box<dyn Limit>, rtt, dropped| {
            millis += 100;
            let rtt = Duration::from_millis(rtt);
            limit.on_sample(Sample::new(rtt, limit.limit(), dropped, Instant::from_nanos(millis * 1_000_000)))
        };
        for _ in 0..36_000 {
            feed(&mut limit, 1000, true);
        }
        assert_eq!(feed(&mut limit, 1000, true), 1);
        for _ in 0..1000 {
            feed(&mut limit, 10, false);
        }
        assert!(limit.limit() > 20, "{}", limit.limit());
    }
}
