use super::*;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

#[test]
fn of_two_answers_that_come_at_once_the_newer_stays() {
    loom::model(|| {
        let memory = Arc::new(Memory::new(Duration::MAX, 1));
        let key = || Key::from(0);
        let other = {
            let memory = memory.clone();
            loom::thread::spawn(move || {
                memory.remember(&key(), 2, at(2));
                assert_eq!(memory.recall(&key(), at(2)).as_deref(), Some(&2), "nothing newer ever came");
            })
        };
        memory.remember(&key(), 1, at(1));
        let found = memory.recall(&key(), at(2));
        assert!(matches!(found.as_deref(), Some(1 | 2)), "it was lost");
        other.join().unwrap();
        assert_eq!(memory.recall(&key(), at(2)).as_deref(), Some(&2));
    });
}

#[test]
fn two_questions_for_which_there_is_room_for_one_are_never_mixed_up() {
    loom::model(|| {
        let memory = Arc::new(Memory::new(Duration::MAX, 1));
        let other = {
            let memory = memory.clone();
            loom::thread::spawn(move || {
                memory.remember(&Key::from(1), 1, at(1));
                assert_ne!(memory.recall(&Key::from(1), at(1)).as_deref(), Some(&2));
            })
        };
        memory.remember(&Key::from(2), 2, at(1));
        assert_ne!(memory.recall(&Key::from(2), at(1)).as_deref(), Some(&1));
        other.join().unwrap();
    });
}
