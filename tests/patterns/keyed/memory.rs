//! What a key costs.

use allocation_counter::measure;
use seawall::gate::Permit;
use seawall::{Key, KeyConfig, Outcome};

use super::at_most;
use crate::gates::{Kind, Of, Steered};

of_every_gate! {
    a_key_used_once_costs_little
    keys_that_come_and_go_cost_no_more_than_those_that_are_there
    a_known_key_costs_no_allocation
}

/// Bytes, the key itself not counted.
async fn a_key_used_once_costs_little<K: Kind>() {
    const KEYS: u64 = 10_000;
    let keyed = K::handles(at_most(20_000));
    let used = measure(|| {
        for key in 0..KEYS {
            keyed.entry(key).admitted().settle(Outcome::Success);
        }
    });
    let each = used.bytes_current / KEYS as i64 - size_of::<Option<Key<'static>>>() as i64;
    assert_eq!(keyed.len() as u64, KEYS);
    assert!(each <= 256, "{each} bytes a key");
}

async fn keys_that_come_and_go_cost_no_more_than_those_that_are_there<K: Kind>() {
    let keyed = K::handles(at_most(1000));
    (0..1000).for_each(|key| drop(keyed.entry(key)));
    let grown = measure(|| (1000..50_000).for_each(|key| drop(keyed.entry(key)))).bytes_current;
    assert!(grown < 64 * 1024, "{grown} bytes more");
    assert_eq!((keyed.len(), keyed.overflowed()), (1000, 0));
}

async fn a_known_key_costs_no_allocation<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    let of = Of::from("eu-west");
    keyed.entry(of.key()).admitted().settle(Outcome::Success);
    let allocations = measure(|| {
        for _ in 0..10 {
            keyed.entry(of.key()).admitted().settle(Outcome::Success);
        }
    });
    assert_eq!(allocations.count_total, 0);
}
