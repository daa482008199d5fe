use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::state::Memory;
use crate::base::clock::Instant;
use crate::key::Key;

const MAX_AGE: u64 = 1000;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn memory(max_keys: u32) -> Memory<u32> {
    Memory::new(Duration::from_nanos(MAX_AGE), max_keys)
}

#[derive(Clone, Debug)]
enum Step {
    /// An answer to a question, which came so long before now.
    Remember(u64, u64),
    Recall(u64),
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let late = prop_oneof![4 => Just(0), 1 => 0..2 * MAX_AGE];
    // A third on the boundary, a third one beside it.
    let wait = prop_oneof![
        Just(MAX_AGE),
        Just(MAX_AGE / 2),
        Just(MAX_AGE - 1),
        Just(MAX_AGE + 1),
        Just(1),
        0..2 * MAX_AGE
    ];
    prop_oneof![
        3 => (0..6_u64, late).prop_map(|(key, late)| Step::Remember(key, late)),
        5 => (0..6_u64).prop_map(Step::Recall),
        2 => wait.prop_map(Step::Wait),
    ]
}

proptest! {
    /// The model keeps every answer, and looks for the newest.
    #[test]
    fn the_memory_knows_what_a_list_of_all_answers_knows(
        max_keys in prop_oneof![Just(1), Just(3), Just(100)],
        steps in prop::collection::vec(any_step(), 1..200),
    ) {
        let memory = memory(max_keys);
        let mut model: HashMap<u64, Vec<(u64, u32)>> = HashMap::new();
        let mut now = 10 * MAX_AGE;
        for (number, step) in (0..).zip(steps) {
            match step {
                Step::Wait(nanos) => now += nanos,
                Step::Remember(key, late) => {
                    memory.remember(&Key::from(key), number, at(now - late));
                    model.entry(key).or_default().push((now - late, number));
                }
                Step::Recall(key) => {
                    let newest = model.get(&key).and_then(|all| all.iter().max());
                    let expected = newest.filter(|(since, _)| now - since < MAX_AGE).map(|(_, number)| *number);
                    let found = memory.recall(&Key::from(key), at(now)).map(|answer| *answer);
                    if max_keys >= 6 {
                        prop_assert_eq!(found, expected);
                    } else if let (Some(found), Some(all)) = (found, model.get(&key)) {
                        // Who was pushed out and came back knows less, but nothing of others and nothing too old.
                        let is_own = all.iter().any(|(since, number)| *number == found && now - since < MAX_AGE);
                        prop_assert!(is_own, "{} is no answer to {}", found, key);
                    } else {
                        prop_assert_eq!(found, None);
                    }
                }
            }
        }
    }
}

#[test]
fn an_answer_that_came_late_does_not_replace_a_newer_one() {
    let (memory, key) = (memory(1), Key::from("prices"));
    memory.remember(&key, 2, at(20));
    memory.remember(&key, 1, at(10));
    assert_eq!(memory.recall(&key, at(30)).as_deref(), Some(&2));
    memory.remember(&key, 3, at(20));
    assert_eq!(
        memory.recall(&key, at(30)).as_deref(),
        Some(&3),
        "of two at the same time the last one counts"
    );
}

#[test]
fn an_answer_that_is_dropped_may_ask_the_memory() {
    use std::sync::{Arc, OnceLock};
    struct Asks(Arc<OnceLock<Memory<Asks>>>);
    impl Drop for Asks {
        fn drop(&mut self) {
            let known = self.0.get().and_then(|memory| memory.recall(&Key::from(0), at(0)));
            assert!(known.is_some(), "the one that took its place is there");
            // It would ask as well.
            std::mem::forget(known);
        }
    }
    let shared = Arc::new(OnceLock::new());
    assert!(shared.set(Memory::new(Duration::MAX, 1)).is_ok());
    let memory = shared.get().expect("just set");
    memory.remember(&Key::from(0), Asks(shared.clone()), at(0));
    memory.remember(&Key::from(0), Asks(shared.clone()), at(1));
    std::mem::forget(shared.clone());
}
