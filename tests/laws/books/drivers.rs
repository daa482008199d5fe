//! How one looks into the layers that are no gates.

use seawall::cache::Source;
use seawall::testing::Play;
use seawall::{EventKind, cache, chaos, coalesce, fallback, hedge, retry};

use crate::foreign::Heard;
use crate::subject::Subject;

pub(crate) fn on_retry<L>(layer: L, handle: retry::Handle, heard: Heard, attempts: u32) -> Subject<L> {
    let mut subject = Subject::new(layer);
    if attempts > 1 {
        subject.busy = (Play::Fail, 1);
    }
    subject.copies = 1;
    let sleepers = handle.clone();
    subject.held = Box::new(move |_| sleepers.sleepers() as i64);
    if let Some(budget) = handle.budget().cloned() {
        subject.tokens = Some(Box::new(move || budget.tokens()));
    }
    subject.account = Box::new(move |seen| {
        let told = seen.calls + heard.count(|kind| matches!(kind, EventKind::Retrying { .. }));
        let lost = seen.dropped + seen.broke + seen.broke_elsewhere + seen.unready;
        ensure!(
            (seen.reached..=seen.reached + lost).contains(&told),
            "{told} attempts were told of {seen:?}"
        );
        let gave_up = heard.count(|kind| matches!(kind, EventKind::GaveUp(_)));
        ensure!(gave_up == seen.failed + seen.refused, "{gave_up} calls were given up of {seen:?}");
        Ok(())
    });
    subject
}

pub(crate) fn on_hedge<L>(layer: L, handle: hedge::Handle, heard: Heard) -> Subject<L> {
    let mut subject = Subject::new(layer);
    subject.copies = 1;
    if let Some(budget) = handle.budget().cloned() {
        subject.tokens = Some(Box::new(move || budget.tokens()));
    }
    subject.account = Box::new(move |seen| {
        let told = heard.count(|kind| matches!(kind, EventKind::Hedging { .. }));
        ensure!(told == handle.hedges(), "{told} hedges were told of, {} were made", handle.hedges());
        let made = seen.calls + told;
        // A panic in a clone or a copy comes before the call.
        let lost = seen.dropped + seen.broke + seen.broke_elsewhere;
        ensure!((seen.reached..=seen.reached + lost).contains(&made), "{told} hedges were made of {seen:?}");
        let ended = heard.count(|kind| matches!(kind, EventKind::Hedged { .. }));
        ensure!((ended..=ended + lost).contains(&told), "{ended} of {told} hedges ended of {seen:?}");
        ensure!(
            handle.wins() <= ended.min(seen.answered),
            "{} of {ended} hedges won of {seen:?}",
            handle.wins()
        );
        Ok(())
    });
    subject
}

pub(crate) fn on_timeout<L>(layer: L, heard: Heard) -> Subject<L> {
    let mut subject = Subject::new(layer);
    subject.account = Box::new(move |seen| {
        let refused = heard.count(|kind| matches!(kind, EventKind::Refused(_)));
        ensure!(refused == seen.refused, "{refused} timeouts were told of {seen:?}");
        Ok(())
    });
    subject
}

pub(crate) fn on_fallback<L>(layer: L, handle: fallback::Handle, heard: Heard) -> Subject<L> {
    let mut subject = Subject::new(layer);
    subject.account = Box::new(move |seen| {
        let told = heard.count(|kind| matches!(kind, EventKind::FallbackFailed(_)));
        ensure!(told == seen.failed + seen.refused, "{told} fallbacks that failed were told of {seen:?}");
        let counted = (handle.answered(), handle.failed());
        ensure!(counted == (0, told), "{counted:?} were counted, {told} were told");
        Ok(())
    });
    subject
}

pub(crate) fn on_coalesce<L>(layer: L, handle: coalesce::Handle<u64>, heard: Heard) -> Subject<L> {
    let mut subject = Subject::new(layer);
    subject.busy = (Play::Hang, 1);
    subject.held = Box::new(move |_| handle.flights() as i64 + handle.followers() as i64);
    subject.account = Box::new(move |seen| {
        let refused = heard.count(|kind| matches!(kind, EventKind::Refused(_)));
        ensure!(refused == seen.refused, "{refused} refusals were told of {seen:?}");
        ensure!(seen.reached <= seen.calls, "a caller called twice: {seen:?}");
        let spared = |kind: &EventKind| match kind {
            EventKind::FlightEnded { followers, shared: true, .. } => *followers as u64,
            _ => 0,
        };
        let spared: u64 = heard.all().iter().map(spared).sum();
        ensure!(seen.answered <= seen.reached + spared, "{spared} calls were spared of {seen:?}");
        Ok(())
    });
    subject
}

pub(crate) fn on_chaos<L>(layer: L, handle: chaos::Handle, heard: Heard) -> Subject<L> {
    let mut subject = Subject::new(layer);
    subject.account = Box::new(move |_| {
        let told = heard.count(|kind| matches!(kind, EventKind::Injected { .. }));
        ensure!(told == handle.hits(), "{told} of {} hits were told", handle.hits());
        Ok(())
    });
    subject
}

/// Where the answers of a cache came from, and what it holds.
pub(crate) struct Answers {
    pub(crate) of: Box<dyn Fn(Source) -> u64>,
    pub(crate) held: Box<dyn Fn() -> i64>,
}

pub(crate) fn on_cache<L, V: Clone + Send + Sync + 'static>(
    layer: L,
    handle: cache::Handle<V>,
    heard: Heard,
) -> Subject<L> {
    let flying = handle.clone();
    let held = move || flying.flights() as i64 + flying.followers() as i64 + flying.refreshing() as i64;
    let of = move |source| handle.answers(source);
    on_answers(layer, Answers { of: Box::new(of), held: Box::new(held) }, heard)
}

pub(crate) fn on_answers<L>(layer: L, answers: Answers, heard: Heard) -> Subject<L> {
    let mut subject = Subject::new(layer);
    subject.defers = true;
    subject.busy = (Play::Hang, 1);
    subject.held = Box::new(move |_| (answers.held)());
    subject.account = Box::new(move |seen| {
        use Source::{Fresh, Service, Shared, Stale, StaleIfError, Uncached};
        let of = |sources: &[Source]| sources.iter().map(|&source| (answers.of)(source)).sum::<u64>();
        let (spared, made) = (of(&[Fresh, Stale, StaleIfError, Shared]), of(&[Service, Uncached]));
        let ended = seen.answered + seen.failed + seen.refused;
        ensure!(spared + made == ended, "{spared} were spared and {made} made of {seen:?}");
        let told = heard.count(|kind| matches!(kind, EventKind::Answered { .. }));
        ensure!(told == ended, "{told} answers were told of {seen:?}");
        ensure!(made <= seen.reached + seen.unready, "{made} came from the service of {seen:?}");
        Ok(())
    });
    subject
}
