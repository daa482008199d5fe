//! L12: no value of a config and no jump of the clock makes a layer panic, wrap or wedge.

use std::time::Duration;

use seawall::testing::{Play, Script};
use seawall::{Deadline, Instant, StackError};
use tower::Service;

use crate::books::SECOND;
use crate::drive::{A_WHILE, call, poll_once, poll_ready};
use crate::subject::{Guards, Subject, Verdict, paused};

const DAY: Duration = Duration::from_secs(86_400);

laws! {
    the_layer_is_usable_after_any_jump_of_the_clock
    the_layer_is_usable_under_any_deadline
}

mod at_the_ends_of_their_ranges {
    use super::*;

    every_extreme! { tests the_layer_is_usable_after_any_jump_of_the_clock }
    every_extreme! { tests the_layer_is_usable_under_any_deadline }
}

/// With a call on its way, one waiting for another attempt, one waiting to be let in and one that failed before each jump.
pub(crate) fn the_layer_is_usable_after_any_jump_of_the_clock<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    for jump in [Duration::ZERO, Duration::from_nanos(1), A_WHILE, DAY, 500 * DAY, 2000 * DAY] {
        paused(across(make, jump)).map_err(|why| format!("a jump of {jump:?}: {why}"))?;
    }
    Ok(())
}

async fn across<L: Guards<Script>>(make: &dyn Fn() -> Subject<L>, jump: Duration) -> Verdict {
    let subject = make();
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let service = subject.layer.layer(script);
    let instances = probe.instances();
    for _ in 0..3 {
        let plays =
            [Play::Hang, Play::Fail, Play::FailAfter(A_WHILE), Play::AnswerAfter(A_WHILE), Play::Answer];
        let mut on_their_way = Vec::new();
        for play in plays {
            probe.play([play]);
            let mut service = service.clone();
            ensure!(poll_ready(&mut service).is_ready(), "not ready though the service is");
            let mut future = Box::pin(service.call(1));
            if poll_once(future.as_mut()).is_pending() {
                on_their_way.push(future);
            }
        }
        let mut holding: Vec<_> = subject.holds.iter().map(|hold| (hold.begin)()).collect();
        if !holding.is_empty() {
            let mut service = service.clone();
            ensure!(poll_ready(&mut service).is_ready(), "not ready to wait");
            let mut future = Box::pin(service.call(1));
            if poll_once(future.as_mut()).is_pending() {
                on_their_way.push(future);
            }
        }
        tokio::time::advance(jump).await;
        holding.iter_mut().for_each(|hold| hold.let_in());
        drop(holding);
        for refusal in &subject.refusals {
            drop((refusal.begin)());
        }
        probe.play([Play::Fail]);
        for future in &mut on_their_way {
            for _ in 0..20 {
                if poll_once(future.as_mut()).is_ready() {
                    break;
                }
                tokio::time::advance(A_WHILE).await;
            }
        }
        drop(on_their_way.pop());
        tokio::time::advance(jump).await;
        // Those that still hang are dropped after the second jump.
        drop(on_their_way);
        is_usable(&subject, &service, &probe, instances).await?;
    }
    Ok(())
}

/// It answers, unless it has every reason to refuse; and then it answers once it is brought back.
async fn is_usable<L: Guards<Script>>(
    subject: &Subject<L>,
    service: &L::Service,
    probe: &seawall::testing::Probe,
    instances: u64,
) -> Verdict {
    probe.play([Play::Answer]);
    let result = call(&mut service.clone(), 1).await;
    if let Err(error) = &result {
        ensure!(error.as_rejected().is_some(), "the service answers, and the call got {error:?}");
        (subject.revive)();
        let result = call(&mut service.clone(), 2).await;
        ensure!(result.is_ok() || subject.may_end, "brought back, and a call got {result:?}");
    }
    subject.holds_nothing(probe, instances)
}

/// A deadline that never ends, that is over, and that is nearly there.
pub(crate) fn the_layer_is_usable_under_any_deadline<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let now = Instant::now();
        let instants =
            [now, now + Duration::from_nanos(1), now + SECOND, now + Duration::MAX, Instant::FAR_FUTURE];
        for at in instants {
            for play in [Play::Answer, Play::Fail, Play::FailAfter(A_WHILE), Play::AnswerAfter(3 * SECOND)] {
                let subject = make();
                let script = Script::new([play]);
                let probe = script.probe();
                let service = subject.layer.layer(script);
                let instances = probe.instances();
                let mut first = service.clone();
                let mut future = Box::pin(Deadline::at(at).scope(async move { call(&mut first, 1).await }));
                for _ in 0..100 {
                    if poll_once(future.as_mut()).is_ready() {
                        break;
                    }
                    tokio::time::advance(A_WHILE).await;
                }
                drop(future);
                is_usable(&subject, &service, &probe, instances)
                    .await
                    .map_err(|why| format!("{play:?} until {at:?}: {why}"))?;
            }
        }
        Ok(())
    })
}
