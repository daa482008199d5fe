//! The windows against a list of all calls.

use proptest::prelude::*;

use super::*;

/// One bucket, in nanoseconds.
const WIDTH: u64 = 10;

#[derive(Clone, Copy, Debug)]
enum Step {
    Record { lane: usize, mark: Mark, late: bool },
    Wait(u64),
    NewEpoch,
}

/// Every call, with when and in which epoch it was recorded.
#[derive(Default)]
struct Model {
    calls: Vec<(u64, u32, Mark)>,
}

impl Model {
    fn in_time(&self, now: u64, epoch: u32, buckets: u64) -> Counts {
        let lives = |at: u64| at / WIDTH + buckets > now / WIDTH;
        self.sum(|_, call| call.1 == epoch && lives(call.0))
    }

    fn last(&self, epoch: u32, size: usize) -> Counts {
        let of_epoch: Vec<usize> =
            (0..self.calls.len()).filter(|&call| self.calls[call].1 == epoch).collect();
        let first = of_epoch.len().saturating_sub(size);
        self.sum(|index, _| of_epoch[first..].contains(&index))
    }

    fn sum(&self, counts: impl Fn(usize, &(u64, u32, Mark)) -> bool) -> Counts {
        let mut sum = Counts::default();
        for (_, (.., mark)) in self.calls.iter().enumerate().filter(|(index, call)| counts(*index, call)) {
            sum.successes += u64::from(!mark.failed);
            sum.failures += u64::from(mark.failed);
            sum.slow += u64::from(mark.slow);
        }
        sum
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let mark = (any::<bool>(), any::<bool>()).prop_map(|(failed, slow)| Mark { failed, slow });
    let record = (0usize..3, mark, prop::bool::weighted(0.1));
    // On the edges of a bucket and of the window, one off, and far beyond.
    let wait = prop_oneof![
        Just(1),
        Just(WIDTH - 1),
        Just(WIDTH),
        Just(WIDTH + 1),
        Just(4 * WIDTH - 1),
        Just(4 * WIDTH),
        0u64..100,
        // No round number of laps: see `LAPS`.
        Just((1 << 40) + 7_654_321),
    ];
    prop_oneof![
        8 => record.prop_map(|(lane, mark, late)| Step::Record { lane, mark, late }),
        4 => wait.prop_map(Step::Wait),
        1 => Just(Step::NewEpoch),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_windows_hold_what_a_list_of_all_calls_says(
        buckets in 1u32..5,
        size in 1u32..8,
        start in 0u64..50,
        steps in proptest::collection::vec(any_step(), 1..200),
    ) {
        let span = Duration::from_nanos(WIDTH * u64::from(buckets));
        let time = TimeWindow::new(span, buckets, true, 3, Instant::from_nanos(start));
        let count = CountWindow::new(size, 3);
        let (mut model, mut now, mut epoch, mut of_count) = (Model::default(), 0, 0u32, Model::default());
        for step in steps {
            match step {
                Step::Wait(nanos) => now += nanos,
                Step::NewEpoch => {
                    epoch += 1;
                    count.begin(epoch);
                }
                Step::Record { lane, mark, late } => {
                    // A straggler decides nothing: it is told by its epoch, and neither window may show it.
                    let of = if late { epoch.saturating_sub(1) } else { epoch };
                    time.record(lane, time.tick(of, Instant::from_nanos(start + now)), mark);
                    model.calls.push((now, of, mark));
                    if of == epoch {
                        count.record(of, mark);
                        of_count.calls.push((now, of, mark));
                    }
                }
            }
            let at = Instant::from_nanos(start + now);
            prop_assert_eq!(time.counts(time.tick(epoch, at)), model.in_time(now, epoch, u64::from(buckets)));
            prop_assert_eq!(count.counts(), of_count.last(epoch, size as usize));
            let all = model.sum(|_, _| true);
            prop_assert_eq!(time.lifetime(), (all.successes, all.failures));
        }
    }
}
