//! The cancellation harness: a scenario is run once to count its polls, then once more for each of them, dropped there.

use std::future::Future;

use crate::drive::{A_WHILE, poll_once};
use crate::subject::Verdict;

/// Runs the scenario to its end, then drops it before the first poll and after every other one. `between` is what happens
/// outside after each poll; `after` judges what is left, and is told at which poll it was dropped.
///
/// Returns how many polls it took.
pub(crate) async fn drop_at_every_poll<World, F, Left>(
    scenario: impl Fn() -> (World, F),
    mut between: impl FnMut(&World, u32),
    after: impl Fn(World, u32) -> Left,
) -> Result<u32, String>
where
    F: Future,
    Left: Future<Output = Verdict>,
{
    let (world, future) = scenario();
    let polls = poll_until(&world, future, u32::MAX, &mut between).await;
    after(world, polls).await.map_err(|why| format!("run to its end: {why}"))?;
    for k in 0..=polls {
        let (world, future) = scenario();
        poll_until(&world, future, k, &mut between).await;
        after(world, k).await.map_err(|why| format!("dropped after poll {k} of {polls}: {why}"))?;
    }
    Ok(polls)
}

/// Polls at most so often, and drops.
async fn poll_until<World, F: Future>(
    world: &World,
    future: F,
    most: u32,
    between: &mut impl FnMut(&World, u32),
) -> u32 {
    let mut future = Box::pin(future);
    let mut polls = 0;
    while polls < most {
        polls += 1;
        assert!(polls < 1000, "the scenario never ends");
        if poll_once(future.as_mut()).is_ready() {
            break;
        }
        tokio::time::advance(A_WHILE).await;
        between(world, polls);
    }
    polls
}
