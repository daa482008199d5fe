//! The limiter against a list of all that ever passed, from which everything is computed anew.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const PERIODS: [u64; 4] = [10, 997, MS, 1_000 * MS];

#[derive(Clone, Copy, Debug)]
enum Op {
    /// A call that costs so much.
    Ask(u32),
    Pause(u64),
    Resume,
    Wait(u64),
    /// Until what the last refusal said, or so many nanoseconds off.
    WaitAsTold(i64),
}

#[derive(Clone, Copy, Debug)]
enum Past {
    Passed {
        at: u64,
        cost: u32,
    },
    /// A pause that was not ended by hand.
    PausedUntil(u64),
}

struct Model {
    config: RateLimitConfig,
    past: Vec<Past>,
    pause: Option<u64>,
}

impl Model {
    fn period(&self) -> u64 {
        self.config.period.as_nanos() as u64
    }

    fn passed(&self) -> impl Iterator<Item = (u64, u64)> {
        self.past.iter().filter_map(|past| match *past {
            Past::Passed { at, cost } => Some((at, u64::from(cost))),
            Past::PausedUntil(_) => None,
        })
    }

    /// What costs so much would pass then, if there were no pause.
    fn fits(&self, cost: u32, now: u64) -> bool {
        let (rate, period) = (u64::from(self.config.rate), self.period());
        let since = match self.config.counting {
            Counting::Bucket => {
                return self.full_at(now) + u64::from(cost) * self.interval() <= now + self.whole();
            }
            Counting::FixedWindow => now / period * period,
            Counting::SlidingWindow => (now + 1).saturating_sub(period),
        };
        let lately: u64 = self.passed().filter(|&(at, _)| at >= since).map(|(_, cost)| cost).sum();
        lately + u64::from(cost) <= rate
    }

    fn interval(&self) -> u64 {
        self.period().div_ceil(u64::from(self.config.rate))
    }

    fn whole(&self) -> u64 {
        self.interval() * u64::from(self.config.burst)
    }

    fn full_at(&self, now: u64) -> u64 {
        let full_at = self.past.iter().fold(0, |full_at: u64, past| match *past {
            Past::Passed { at, cost } => full_at.max(at) + u64::from(cost) * self.interval(),
            Past::PausedUntil(until) => full_at.max(until + self.whole() - self.interval()),
        });
        full_at.max(now)
    }

    /// When it passes: one of the instants at which anything changes.
    fn earliest(&self, cost: u32, now: u64) -> u64 {
        let (period, from) = (self.period(), self.pause.map_or(now, |until| until.max(now)));
        let mut instants = match self.config.counting {
            Counting::Bucket => {
                // A pause leaves one token at its end.
                let full_at = self
                    .full_at(now)
                    .max(self.pause.map_or(0, |until| until + self.whole() - self.interval()));
                return from.max((full_at + u64::from(cost) * self.interval()).saturating_sub(self.whole()));
            }
            Counting::FixedWindow => vec![from, (now / period + 1) * period],
            Counting::SlidingWindow => self.passed().map(|(at, _)| at + period).collect(),
        };
        instants.extend([from]);
        instants.retain(|&instant| instant >= from);
        instants.sort_unstable();
        instants.into_iter().find(|&instant| self.fits(cost, instant)).expect("it passes some day")
    }

    fn ask(&mut self, cost: u32, now: u64) -> Result<(), Option<Duration>> {
        self.end_pause(now);
        let most =
            if self.config.counting == Counting::Bucket { self.config.burst } else { self.config.rate };
        if self.pause.is_none() && self.fits(cost, now) {
            self.past.push(Past::Passed { at: now, cost });
            return Ok(());
        }
        Err((cost <= most).then(|| Duration::from_nanos(self.earliest(cost, now) - now)))
    }

    fn pause(&mut self, nanos: u64, now: u64) {
        self.end_pause(now);
        let until = now + nanos;
        if nanos > 0 && self.pause.is_none_or(|other| other < until) {
            self.pause = Some(until);
        }
    }

    fn end_pause(&mut self, now: u64) {
        if let Some(until) = self.pause.take_if(|until| *until <= now) {
            self.past.push(Past::PausedUntil(until));
        }
    }

    fn resume(&mut self, now: u64) {
        self.end_pause(now);
        self.pause = None;
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..6_u32).prop_map(Op::Ask),
        4 => Just(Op::Ask(1)),
        4 => select(vec![0, 0, 0, -1, 1]).prop_map(Op::WaitAsTold),
        1 => (0..2_500_u64).prop_map(Op::Wait),
        1 => (0..3_000 * MS).prop_map(Op::Wait),
        1 => select(vec![0, 5, 1_000, MS, 700 * MS]).prop_map(Op::Pause),
        1 => Just(Op::Resume),
    ]
}

fn config() -> impl Strategy<Value = RateLimitConfig> {
    (1..8_u32, select(PERIODS.to_vec()), 1..6_u32, select(COUNTINGS.to_vec())).prop_map(
        |(rate, period, burst, counting)| {
            RateLimitConfig::new(rate, Duration::from_nanos(period)).burst(burst).counting(counting)
        },
    )
}

proptest! {
    #[test]
    fn the_limiter_does_and_tells_what_its_history_says(config in config(), ops in vec(op(), 1..120)) {
        let limiter = limiter(config.clone());
        let mut model = Model { config: config.clone(), past: Vec::new(), pause: None };
        let (mut now, mut told) = (0_u64, 0_u64);
        for op in ops {
            match op {
                Op::Ask(cost) => {
                    let (got, meant) = (ask(&limiter, cost, now), model.ask(cost, now));
                    prop_assert_eq!(got, meant, "a call of {} at {} of {:?}", cost, now, model.past);
                    told = got.err().flatten().map_or(told, |wait| now + wait.as_nanos() as u64);
                }
                Op::Pause(nanos) => {
                    limiter.pause(Duration::from_nanos(nanos), at(now));
                    model.pause(nanos, now);
                }
                Op::Resume => {
                    limiter.resume(at(now));
                    model.resume(now);
                }
                Op::Wait(nanos) => now += nanos,
                Op::WaitAsTold(off) => now = told.saturating_add_signed(off).max(now),
            }
            let left = limiter.paused_until().nanos().saturating_sub(now);
            prop_assert_eq!(left, model.pause.map_or(0, |until| until.saturating_sub(now)));
        }
        prop_assert!(keeps_the_law(&model), "{:?}", model.past);
    }
}

/// In any stretch of time no more passed than is allowed.
fn keeps_the_law(model: &Model) -> bool {
    let passed: Vec<_> = model.passed().collect();
    let (rate, period) = (u64::from(model.config.rate), model.period());
    let burst = u64::from(model.config.burst);
    (0..passed.len()).all(|first| {
        let (from, mut sum) = (passed[first].0, 0);
        passed[first..].iter().all(|&(to, cost)| {
            sum += cost;
            match model.config.counting {
                Counting::Bucket => sum * period <= burst * period + rate * (to - from),
                Counting::FixedWindow => from / period != to / period || sum <= rate,
                Counting::SlidingWindow => to - from >= period || sum <= rate,
            }
        })
    })
}
