//! How one looks into a layer whose keys come and go: only those who listen know of all of them.

use seawall::KeyedHandle;
use seawall::testing::Play;

use super::Ledger;
use crate::door::Gatekeeper;
use crate::foreign::Heard;
use crate::subject::Subject;

pub(crate) fn on_crowd<L, H: Gatekeeper>(layer: L, handle: KeyedHandle<H>, heard: Heard) -> Subject<L> {
    let mut subject = Subject::new(layer);
    subject.foresees = false;
    subject.busy = (Play::Hang, 1);
    subject.held = Box::new(move |_| {
        let known = handle.keys().into_iter().filter_map(|key| handle.key(key));
        known.chain(handle.overflow()).map(|one| one.inside() + one.waiting()).sum()
    });
    subject.account = Box::new(move |seen| Ledger::heard(&heard).accounts_for(seen));
    subject
}
