//! The flights against a list of who is on the way.

use proptest::prelude::*;
use tokio_test::task::Spawn;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Join(u8),
    Poll(usize),
    Land(usize),
    Scatter(usize),
    Leave(usize),
}

/// Somebody who came, as the list has it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Leads,
    Follows,
    /// Leads, but does not yet know.
    IsToLead,
    /// Follows a flight that ended like this, and does not yet know.
    Heard(Option<u32>),
}

struct Caller {
    key: u8,
    role: Role,
    /// Has waited, so that it must be woken.
    waits: bool,
    is: Is,
}

enum Is {
    Lead(Lead<u8, u32>),
    Follow(Spawn<Follow<u8, u32>>),
}

fn any_step() -> impl Strategy<Value = Step> {
    let one = any::<usize>();
    prop_oneof![
        6 => (0u8..3).prop_map(Step::Join),
        5 => one.prop_map(Step::Poll),
        1 => one.prop_map(Step::Land),
        1 => one.prop_map(Step::Scatter),
        3 => one.prop_map(Step::Leave),
    ]
}

/// Who led is gone: the first in the list that follows is to lead.
fn hand_on(callers: &mut [Caller], key: u8) {
    if let Some(next) = callers.iter_mut().find(|caller| caller.key == key && caller.role == Role::Follows) {
        next.role = Role::IsToLead;
    }
}

fn end(callers: &mut [Caller], key: u8, shared: Option<u32>) -> usize {
    let follow = callers.iter_mut().filter(|caller| caller.key == key && caller.role == Role::Follows);
    follow.map(|caller| caller.role = Role::Heard(shared)).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_flights_do_what_a_list_of_callers_says(
        shards in prop_oneof![Just(1usize), Just(2), Just(16)],
        hashes in 1u64..=3,
        steps in proptest::collection::vec(any_step(), 1..120),
    ) {
        let flights = Flights::with_shards(shards);
        // In the order they came.
        let mut callers: Vec<Caller> = Vec::new();
        for (step, number) in steps.into_iter().zip(0..) {
            let pick = |at: usize| (!callers.is_empty()).then(|| at % callers.len());
            match step {
                Step::Join(key) => {
                    let led = |caller: &Caller| caller.key == key && !matches!(caller.role, Role::Heard(_));
                    let known = callers.iter().any(led);
                    let hash = (u64::from(key) % hashes) * (1 << 48 | 1);
                    let (role, is) = match flights.join_hashed(hash, key) {
                        Joined::Leader(lead) => (Role::Leads, Is::Lead(lead)),
                        Joined::Follower(follow) => (Role::Follows, Is::Follow(tokio_test::task::spawn(follow))),
                    };
                    prop_assert_eq!(role == Role::Follows, known);
                    callers.push(Caller { key, role, waits: false, is });
                }
                Step::Poll(at) => {
                    let Some(at) = pick(at) else { continue };
                    let Caller { role, waits, is, .. } = &mut callers[at];
                    let Is::Follow(follow) = is else { continue };
                    // Woken if there is something to hear, and only then.
                    prop_assert_eq!(follow.is_woken(), *waits && *role != Role::Follows);
                    let heard = match follow.poll() {
                        Poll::Pending => {
                            *waits = true;
                            Role::Follows
                        }
                        Poll::Ready(Arrival::Promoted(lead)) => {
                            *is = Is::Lead(lead);
                            Role::IsToLead
                        }
                        Poll::Ready(Arrival::Landed(shared)) => Role::Heard(Some(shared)),
                        Poll::Ready(Arrival::Scattered) => Role::Heard(None),
                    };
                    prop_assert_eq!(heard, *role);
                    match heard {
                        Role::IsToLead => *role = Role::Leads,
                        Role::Heard(_) => drop(callers.remove(at)),
                        Role::Leads | Role::Follows => {}
                    }
                }
                Step::Land(at) | Step::Scatter(at) => {
                    let Some(at) = pick(at).filter(|&at| callers[at].role == Role::Leads) else { continue };
                    let Caller { key, is, .. } = callers.remove(at);
                    let Is::Lead(lead) = is else { unreachable!("it leads") };
                    let (ended, shared) = match step {
                        Step::Land(_) => (lead.land(|| number), Some(number)),
                        _ => (lead.scatter(), None),
                    };
                    prop_assert_eq!(ended, end(&mut callers, key, shared));
                }
                Step::Leave(at) => {
                    let Some(at) = pick(at) else { continue };
                    let Caller { key, role, is, .. } = callers.remove(at);
                    drop(is);
                    if matches!(role, Role::Leads | Role::IsToLead) {
                        hand_on(&mut callers, key);
                    }
                }
            }
            let keys = (0..3).filter(|&key| callers.iter().any(|caller| caller.key == key && !matches!(caller.role, Role::Heard(_))));
            prop_assert_eq!(flights.len(), keys.count());
            let follow = callers.iter().filter(|caller| caller.role != Role::Leads).count();
            prop_assert_eq!(flights.followers(), follow as u64);
        }
    }
}
