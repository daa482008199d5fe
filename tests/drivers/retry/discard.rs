//! Responses that nobody gets: how long they are kept, and that they hold up nobody.

use std::future::{pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;

use seawall::{BudgetConfig, Discard, RetryLayer};
use tower::Layer;

use super::*;

const AGAIN: Outcome = Outcome::TRANSIENT;

/// A response that is being let go, and when it was dropped.
struct Kept(Book);

#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<(Instant, Option<Instant>)>>>);

impl Book {
    fn keep(&self) -> Kept {
        self.0.lock().unwrap().push((Instant::now(), None));
        Kept(self.clone())
    }

    /// How long each was kept.
    fn lengths(&self) -> Vec<Duration> {
        let length = |(from, to): &(Instant, Option<Instant>)| to.unwrap().saturating_duration_since(*from);
        self.0.lock().unwrap().iter().map(length).collect()
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().last_mut().unwrap().1 = Some(Instant::now());
    }
}

/// Keeps each response until this has ended.
fn until<W: Future<Output = ()>>(book: &Book, what: impl Fn() -> W + Clone) -> impl Discard<Outcome> + Clone {
    let book = book.clone();
    move |_: Outcome| {
        let (kept, what) = (book.keep(), what());
        Some(async move {
            what.await;
            drop(kept);
        })
    }
}

/// Makes a call that is judged by what the responses say; how long each response was kept, and when each attempt began.
async fn kept<W: Future<Output = ()>>(
    config: RetryConfig,
    said: &[Outcome],
    what: impl Fn() -> W + Clone,
) -> (Vec<Duration>, Vec<Duration>) {
    let (book, (service, log)) = (Book::default(), says::<()>(said));
    let layer = RetryLayer::new(config).classify(as_said).discard(until(&book, what));
    assert_eq!(call(&mut layer.layer(service), ()).await.unwrap(), *said.last().unwrap());
    assert_eq!(layer.handle().sleepers(), 0);
    (book.lengths(), log.times())
}

#[tokio::test(start_paused = true)]
async fn a_response_is_let_go_while_the_delay_runs() {
    let (kept, began) =
        kept(waiting(ms(70)), &[AGAIN, AGAIN, Outcome::Success], || tokio::time::sleep(ms(30))).await;
    assert_eq!(kept, [ms(30), ms(30)]);
    assert_eq!(began, [ms(0), ms(70), ms(140)]);
}

#[tokio::test(start_paused = true)]
async fn a_response_is_dropped_when_the_delay_is_over() {
    let (kept, began) = kept(waiting(ms(70)), &[AGAIN, AGAIN, Outcome::Success], pending).await;
    assert_eq!(kept, [ms(70), ms(70)]);
    assert_eq!(began, [ms(0), ms(70), ms(140)]);
}

#[tokio::test(start_paused = true)]
async fn no_response_is_kept_longer_than_a_tenth_of_a_second() {
    for delay in [ms(100), ms(101), secs(5)] {
        let (kept, began) = kept(waiting(delay), &[AGAIN, Outcome::Success], pending).await;
        assert_eq!((kept, began), (vec![ms(100)], vec![ms(0), delay]));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_delay_a_response_gets_one_poll() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = polls.clone();
    let never = move || {
        let polls = counted.clone();
        poll_fn(move |_| {
            polls.fetch_add(1, Ordering::SeqCst);
            Poll::Pending
        })
    };
    let (kept, began) = kept(bare(), &[AGAIN, AGAIN, Outcome::Success], never).await;
    assert_eq!((kept, began), (vec![ms(0); 2], vec![ms(0); 3]));
    assert_eq!(polls.load(Ordering::SeqCst), 2);
}

/// With the real clock: a paused one stands still while a task is busy.
#[tokio::test]
async fn a_response_that_never_lets_the_task_rest_holds_up_nobody() {
    let busy = || async {
        loop {
            tokio::task::coop::consume_budget().await;
        }
    };
    let (kept, began) = kept(waiting(ms(20)), &[AGAIN, Outcome::Success], busy).await;
    assert!(kept[0] >= ms(15) && began[1] < secs(5), "{kept:?} {began:?}");
}

#[tokio::test(start_paused = true)]
async fn an_error_and_the_response_that_is_returned_are_not_let_go() {
    let book = Book::default();
    let layer = RetryLayer::new(waiting(ms(70)).max_attempts(2));
    let mut service = layer.clone().discard(until_numbers(&book)).layer(fails(1));
    assert_eq!(call(&mut service, ()).await.unwrap(), 2);
    let (service, log) = says::<()>([AGAIN]);
    let once = RetryLayer::new(waiting(ms(70)).max_attempts(1)).classify(as_said);
    let mut service = once.discard(until(&book, pending)).layer(service);
    assert_eq!(call(&mut service, ()).await.unwrap(), AGAIN);
    assert_eq!((book.is_empty(), log.calls()), (true, 1));
}

/// For the answers of a script.
fn until_numbers(book: &Book) -> impl Discard<u64> + Clone {
    let book = book.clone();
    move |_: u64| {
        let kept = book.keep();
        Some(async move { drop(kept) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_meanwhile_takes_the_response_along() {
    let (book, (service, log)) = (Book::default(), says::<()>([AGAIN]));
    let budget = Some(BudgetConfig::default().burst(5));
    let layer = RetryLayer::new(waiting(ms(70)).budget(budget)).classify(as_said);
    let mut service = layer.clone().discard(until(&book, pending)).layer(service);
    {
        let mut call = pin!(call(&mut service, ()));
        assert!(futures::poll!(call.as_mut()).is_pending());
        tokio::time::advance(ms(10)).await;
        assert!(futures::poll!(call.as_mut()).is_pending());
        assert_eq!(layer.handle().sleepers(), 1);
    }
    assert_eq!(book.lengths(), [ms(10)]);
    assert_eq!((layer.handle().sleepers(), log.calls()), (0, 1));
    let tokens = layer.handle().budget().unwrap().tokens();
    assert!((tokens - 5.0).abs() < 1e-9, "{tokens} of 5 tokens are left");
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_a_response_is_let_go_leaves_nothing_held() {
    for polls in 0..3 {
        let (book, (service, log)) = (Book::default(), says::<()>([AGAIN, Outcome::Success]));
        let budget = Some(BudgetConfig::default().burst(5));
        let layer = RetryLayer::new(waiting(ms(70)).budget(budget)).classify(as_said);
        let panics = move || {
            assert!(polls > 0, "a panic at once");
            async move {
                for _ in 1..polls {
                    tokio::time::sleep(ms(10)).await;
                }
                panic!("a panic in poll {polls}");
            }
        };
        let mut service = layer.clone().discard(until(&book, panics)).layer(service);
        assert!(AssertUnwindSafe(call(&mut service, ())).catch_unwind().await.is_err());
        assert_eq!(book.lengths().len(), 1, "{polls}");
        assert_eq!((layer.handle().sleepers(), log.calls()), (0, 1));
        let tokens = layer.handle().budget().unwrap().tokens();
        assert!((tokens - 5.0).abs() < 1e-9, "{tokens} of 5 tokens are left");
        assert_eq!(call(&mut service, ()).await.unwrap(), Outcome::Success);
    }
}
