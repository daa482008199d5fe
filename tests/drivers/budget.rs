//! The law of the budget: whatever fails when, and whoever spends it, there are no more extra calls than it allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use seawall::hedge::Delay;
use seawall::testing::Fault;
use seawall::{Backoff, Budget, BudgetConfig, Error, HedgeConfig, HedgeLayer, RetryConfig, RetryLayer};
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceExt, service_fn};

type Client = BoxCloneService<(), (), Error<Fault>>;

/// A layer that spends a budget.
#[derive(Clone, Copy, Debug)]
enum Spender {
    Retry { max_attempts: u32, wait: Duration },
    Hedge { after: Duration },
}

impl Spender {
    fn around(self, inner: Client, budget: &Budget) -> Client {
        match self {
            Self::Retry { max_attempts, wait } => {
                let config =
                    RetryConfig::default().max_attempts(max_attempts).backoff(Backoff::constant(wait));
                BoxCloneService::new(RetryLayer::new(config).budget(budget.clone()).layer(inner))
            }
            Self::Hedge { after } => {
                let config = HedgeConfig::default().delay(Delay::Fixed(after));
                BoxCloneService::new(HedgeLayer::new(config).budget(budget.clone()).layer(inner))
            }
        }
    }
}

fn spenders() -> impl Strategy<Value = Spender> {
    let wait = prop_oneof![Just(0), 0..2_000_u64].prop_map(Duration::from_millis);
    let after = (0..60_u64).prop_map(Duration::from_millis);
    prop_oneof![
        (1..6_u32, wait).prop_map(|(max_attempts, wait)| Spender::Retry { max_attempts, wait }),
        after.prop_map(|after| Spender::Hedge { after }),
    ]
}

/// What was seen of all clients.
#[derive(Clone, Default)]
struct Seen {
    attempts: Arc<AtomicUsize>,
    /// Of calls of any layer: each is a deposit.
    successes: Arc<AtomicUsize>,
}

/// Fails as this pattern says, attempt by attempt, round and round, at once or after a while.
fn service(fails: Vec<(bool, u64)>, seen: &Seen) -> Client {
    let attempts = seen.attempts.clone();
    BoxCloneService::new(service_fn(move |()| {
        let (fails, millis) = fails[attempts.fetch_add(1, Ordering::SeqCst) % fails.len()];
        async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            if fails { Err(Error::Service(Fault)) } else { Ok(()) }
        }
    }))
}

fn stack(spenders: &[Spender], service: Client, budget: &Budget, seen: &Seen) -> Client {
    spenders.iter().fold(service, |inner, spender| {
        let successes = seen.successes.clone();
        let counted = spender.around(inner, budget).map_response(move |()| {
            successes.fetch_add(1, Ordering::SeqCst);
        });
        BoxCloneService::new(counted)
    })
}

/// Makes these calls, each a number of calls at once to one of the clients.
fn run(clients: &[Client], calls: &[(usize, usize)]) -> usize {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        for (client, at_once) in calls {
            let client = &clients[client % clients.len()];
            let crowd = (0..*at_once).map(|_| async { client.clone().ready().await?.call(()).await });
            drop(futures::future::join_all(crowd).await);
        }
    });
    calls.iter().map(|(_, at_once)| at_once).sum()
}

fn fails() -> impl Strategy<Value = Vec<(bool, u64)>> {
    prop::collection::vec((prop::bool::weighted(0.6), prop_oneof![Just(0), 0..50_u64]), 1..60)
}

fn calls() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..8_usize, 1..5_usize), 1..100)
}

fn ratios() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(0.1), Just(0.6), Just(1.0), 0.0..1.0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn clients_that_share_a_budget_make_no_more_attempts_than_it_allows(
        fails in fails(), calls in calls(), ratio in ratios(), burst in 0..40_u32,
        spenders in prop::collection::vec(spenders(), 1..5),
    ) {
        let (seen, budget) = (Seen::default(), Budget::new(BudgetConfig::default().ratio(ratio).burst(burst)));
        let service = service(fails, &seen);
        let clients: Vec<_> =
            spenders.iter().map(|&spender| stack(&[spender], service.clone(), &budget, &seen)).collect();
        let calls = run(&clients, &calls) as f64;
        let attempts = seen.attempts.load(Ordering::SeqCst) as f64;
        let allowed = calls * (1.0 + ratio) + f64::from(burst);
        prop_assert!(attempts <= allowed + 1e-6, "{attempts} attempts of {calls} calls, allowed {allowed}");
    }

    /// One within another, too: there each of them makes calls, and a success of each is a deposit.
    #[test]
    fn stacks_that_share_a_budget_make_no_more_attempts_than_it_allows(
        fails in fails(), calls in calls(), ratio in ratios(), burst in 0..40_u32,
        stacks in prop::collection::vec(prop::collection::vec(spenders(), 1..4), 1..4),
    ) {
        let (seen, budget) = (Seen::default(), Budget::new(BudgetConfig::default().ratio(ratio).burst(burst)));
        let service = service(fails, &seen);
        let clients: Vec<_> =
            stacks.iter().map(|spenders| stack(spenders, service.clone(), &budget, &seen)).collect();
        let calls = run(&clients, &calls) as f64;
        let (attempts, successes) =
            (seen.attempts.load(Ordering::SeqCst) as f64, seen.successes.load(Ordering::SeqCst) as f64);
        let allowed = ratio.mul_add(successes, calls + f64::from(burst));
        prop_assert!(attempts <= allowed + 1e-6, "{attempts} attempts of {calls} calls, allowed {allowed}");
    }

    #[test]
    fn the_budgets_of_others_keep_the_law_too(
        fails in fails(), calls in calls(), spender in spenders(), which in 0..2_usize,
    ) {
        let (burst, ratio) = [(100.0, 0.2), (10.0, 0.1)][which];
        let (seen, budget) = (Seen::default(), [Budget::aws(), Budget::grpc(10, 0.1)][which].clone());
        let client = stack(&[spender], service(fails, &seen), &budget, &seen);
        let calls = run(&[client], &calls) as f64;
        let (attempts, successes) =
            (seen.attempts.load(Ordering::SeqCst) as f64, seen.successes.load(Ordering::SeqCst) as f64);
        prop_assert!(attempts <= calls + burst + ratio * successes + 1e-6, "{attempts} attempts of {calls} calls");
    }
}
