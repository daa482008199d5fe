use super::*;

#[test]
fn takes_and_deposits_race_for_no_token_twice() {
    loom::model(|| {
        let config = BudgetConfig::default().ratio(1.0).burst(1);
        let budget = Arc::new(Shared::new(config, Instant::from_nanos(0)));
        let taker = {
            let budget = budget.clone();
            loom::thread::spawn(move || budget.withdraw(TOKEN, Instant::from_nanos(0)))
        };
        budget.deposit(0, || Instant::from_nanos(0));
        let mine = budget.withdraw(TOKEN, Instant::from_nanos(0));
        let theirs = taker.join().unwrap();
        // One token at the start; the deposit finds room only once that one is taken.
        assert!(mine || theirs);
        let rest = budget.withdraw(TOKEN, Instant::from_nanos(0));
        assert!(usize::from(mine) + usize::from(theirs) + usize::from(rest) <= 2);
    });
}
