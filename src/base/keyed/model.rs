//! The map against a list of who is in it.

use proptest::prelude::*;

use super::tests::Guest;
use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Find(u64),
    Ask { key: u64, hold: bool },
    Release(usize),
    Stay { key: u64, stays: bool },
}

/// Who is in the map, and who else holds them.
#[derive(Default)]
struct Model {
    residents: Vec<u64>,
    staying: Vec<u64>,
    held: Vec<Arc<Guest>>,
}

impl Model {
    fn may_leave(&self, key: u64) -> bool {
        !self.staying.contains(&key) && self.held.iter().all(|guest| guest.key != key)
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let key = 0u64..12;
    prop_oneof![
        2 => key.clone().prop_map(Step::Find),
        6 => (key.clone(), prop::bool::weighted(0.3)).prop_map(|(key, hold)| Step::Ask { key, hold }),
        2 => any::<usize>().prop_map(Step::Release),
        1 => (key, any::<bool>()).prop_map(|(key, stays)| Step::Stay { key, stays }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_map_holds_what_a_list_of_residents_says(
        capacity in prop_oneof![Just(1usize), Just(2), 3usize..10, Just(usize::MAX)],
        shards in 1usize..=8,
        hashes in 1u64..=12,
        steps in proptest::collection::vec(any_step(), 1..200),
    ) {
        let (map, mut model) = (Keyed::<Guest>::with_shards(capacity, shards), Model::default());
        let mut overflowed = 0;
        // With few hashes keys collide; the bits that choose the shard are among them.
        let hash_of = |key: u64| KeyHash::new((key % hashes) * (1 << 48 | 1));
        for step in steps {
            match step {
                Step::Find(key) => {
                    let found = map.find(hash_of(key), |guest| guest.key == key);
                    prop_assert_eq!(found.map(|guest| guest.key), model.residents.contains(&key).then_some(key));
                }
                Step::Release(index) if !model.held.is_empty() => {
                    model.held.swap_remove(index % model.held.len());
                }
                Step::Release(_) => {}
                Step::Stay { key, stays } => {
                    if let Some(guest) = map.find(hash_of(key), |guest| guest.key == key) {
                        guest.stay(stays);
                        model.staying.retain(|&staying| staying != key);
                        model.staying.extend(stays.then_some(key));
                    }
                }
                Step::Ask { key, hold } => {
                    let stay = map.enter_as(hash_of(key), key);
                    let room = model.residents.len() < capacity;
                    let known = model.residents.contains(&key);
                    let fits = room || known || model.residents.iter().any(|&key| model.may_leave(key));
                    prop_assert_eq!(stay.overflowed, !fits);
                    overflowed += u64::from(stay.overflowed);
                    let now = map.keys();
                    if fits && !known {
                        let left: Vec<_> = model.residents.iter().copied().filter(|key| !now.contains(key)).collect();
                        prop_assert_eq!(left.len(), usize::from(!room));
                        prop_assert!(left.iter().all(|&key| model.may_leave(key)));
                        model.residents.retain(|key| !left.contains(key));
                        model.residents.push(key);
                    }
                    if hold && fits {
                        model.held.push(stay.resident);
                    }
                }
            }
            model.residents.sort_unstable();
            prop_assert_eq!(map.keys(), &model.residents[..]);
            prop_assert_eq!((map.len(), map.overflowed()), (model.residents.len(), overflowed));
            for guest in &model.held {
                let found = map.find(hash_of(guest.key), |other| other.key == guest.key);
                prop_assert!(found.is_some_and(|found| Arc::ptr_eq(&found, guest)));
            }
            prop_assert!(map.is_sound());
        }
    }
}
