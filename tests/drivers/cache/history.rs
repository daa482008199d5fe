//! Random histories of one caller, against the rules of the page read naively.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Op {
    Call {
        key: u64,
        fails: bool,
    },
    /// Lets time pass: a part of the ttl or of a window, and a nanosecond more or less.
    Pass {
        of: usize,
        off: i64,
    },
    Invalidate(u64),
    InvalidateAll,
}

/// The rules: lengths in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Rules {
    ttl: u64,
    swr: u64,
    sie: u64,
    tti: u64,
}

impl Rules {
    fn config(self) -> CacheConfig {
        let [ttl, swr, sie, tti] = [self.ttl, self.swr, self.sie, self.tti].map(Duration::from_nanos);
        let config = CacheConfig::new(ttl).ttl_jitter(0.0).stale_while_revalidate(swr).stale_if_error(sie);
        config.tti(tti)
    }
}

/// What is kept of a key: the answer, since when, and when it was last asked for.
type List = HashMap<u64, (u64, u64, u64)>;

/// The answer to a call, and whether the service was asked.
fn answer(list: &mut List, rules: Rules, now: u64, key: u64, fails: bool, next: u64) -> (Option<u64>, bool) {
    let kept = list.get(&key).copied().filter(|(_, _, used)| now - used < rules.tti);
    let end = rules.ttl + rules.swr.max(rules.sie);
    let usable = kept.filter(|(_, stored, _)| now - stored < end);
    if let Some((value, stored, _)) = usable {
        list.insert(key, (value, stored, now));
        if now - stored < rules.ttl {
            return (Some(value), false);
        }
    }
    if fails {
        return (usable.map(|(value, _, _)| value), true);
    }
    if end > 0 {
        list.insert(key, (next, now, now));
    }
    (Some(next), true)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (0..3_u64, any::<bool>()).prop_map(|(key, fails)| Op::Call { key, fails }),
        4 => (0..5_usize, -1..=1_i64).prop_map(|(of, off)| Op::Pass { of, off }),
        1 => (0..3_u64).prop_map(Op::Invalidate),
        1 => Just(Op::InvalidateAll),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let length = || prop_oneof![Just(0), 1..20_u64, Just(1_000)];
    let tti = prop_oneof![3 => Just(u64::MAX), 1 => 1..40_u64];
    (length(), length(), length(), tti).prop_map(|(ttl, swr, sie, tti)| Rules { ttl, swr, sie, tti })
}

proptest! {
    #[test]
    fn what_is_served_is_what_the_rules_say(
        rules in rules(),
        single_flight in any::<bool>(),
        ops in proptest::collection::vec(op(), 1..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let layer = cache(rules.config().single_flight(single_flight));
            let script = Script::new([Play::Answer]);
            let probe = script.probe();
            let service = layer.layer(script);
            let (mut list, mut now) = (List::new(), 0);
            for op in ops {
                match op {
                    Op::Call { key, fails } => {
                        probe.play([if fails { Play::Fail } else { Play::Answer }]);
                        let before = probe.calls();
                        let (expected, asked) = answer(&mut list, rules, now, key, fails, before + 1);
                        let result = call(&service, key).await.ok();
                        prop_assert_eq!((result, probe.calls() - before), (expected, u64::from(asked)));
                    }
                    Op::Pass { of, off } => {
                        let Rules { ttl, swr, sie, .. } = rules;
                        let time = [ttl, ttl + swr, ttl + sie, swr, 1][of].saturating_add_signed(off);
                        advance(Duration::from_nanos(time)).await;
                        now += time;
                    }
                    Op::Invalidate(key) => {
                        list.remove(&key);
                        layer.handle().invalidate(key).await.expect("it cannot fail");
                    }
                    Op::InvalidateAll => {
                        list.clear();
                        layer.handle().invalidate_all().await.expect("it cannot fail");
                    }
                }
                prop_assert_eq!((layer.handle().flights(), probe.in_flight()), (0, 0));
            }
            Ok(())
        })?;
    }
}
