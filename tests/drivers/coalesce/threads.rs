//! Many callers on many threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tower::{ServiceExt, service_fn};

use super::*;

/// Some answer, some fail, some callers leave early. Of each key one call at most is with the service, and all end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_each_key_one_call_is_with_the_service_and_nobody_waits_for_ever() {
    const KEYS: u64 = 4;
    let busy: Arc<[AtomicI64]> = (0..KEYS).map(|_| AtomicI64::new(0)).collect();
    let made = Arc::new(AtomicU64::new(0));
    let (inside, count) = (busy.clone(), made.clone());
    let service = service_fn(move |request: u64| {
        let key = (request / 100 - 1) as usize;
        assert_eq!(inside[key].fetch_add(1, Ordering::SeqCst), 0, "two equal calls at once");
        let left = Left(inside.clone(), key);
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move {
            let _left = left;
            tokio::task::yield_now().await;
            if number.is_multiple_of(5) { Err(Error::Service(Fault)) } else { Ok(number) }
        }
    });
    let layer = layer(CoalesceConfig::default());
    let service = layer.layer(service);
    let callers: Vec<_> = (0..64)
        .map(|caller| {
            let service = service.clone();
            tokio::spawn(async move {
                for round in 0..200 {
                    let call = service.clone().oneshot(100 + 100 * ((caller + round) % KEYS));
                    if (caller + round) % 7 == 0 {
                        let mut call = spawn(call);
                        let _gone_after_one_poll = call.poll();
                    } else if let Err(error) = call.await {
                        assert!(
                            matches!(error, Error::Service(Fault)) || is_of_a_flight(&error),
                            "{error:?}"
                        );
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        tokio::time::timeout(Duration::from_secs(60), caller).await.expect("it waits for ever").unwrap();
    }
    assert_eq!((layer.handle().flights(), layer.handle().followers()), (0, 0));
    let made = made.load(Ordering::SeqCst);
    assert!(made < 64 * 200, "nothing was shared in {made} calls");
}

struct Left(Arc<[AtomicI64]>, usize);

impl Drop for Left {
    fn drop(&mut self) {
        self.0[self.1].fetch_sub(1, Ordering::SeqCst);
    }
}

fn is_of_a_flight(error: &Error<Fault>) -> bool {
    error.as_rejected().is_some_and(|rejected| rejected.kind() == RejectedKind::FlightFailed)
}
