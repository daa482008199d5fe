//! Calls cut off.

use seawall::{Deadline, Pattern, TimeoutConfig, TimeoutLayer};
use tower::Layer;

use super::scrape::{recorder, said};
use super::*;

#[tokio::test(start_paused = true)]
async fn a_timeout_counts_what_it_cut_and_nothing_else() {
    recorder();
    let name = "cut";
    let layer = TimeoutLayer::new(TimeoutConfig::new(SECOND).name(name));
    let service = layer.layer(script([Play::Answer, Play::Hang]));
    assert!(call(&service).await);
    assert!(said(name).samples().is_empty());
    assert!(!call(&service).await && !call(&service).await);
    let deadline = Deadline::after(ms(10));
    assert!(!deadline.scope(call(&service)).await, "cut by the caller's deadline");

    let said = said(name);
    let labels = [("pattern", Pattern::Timeout.as_str()), ("outcome", "rejected")];
    assert_eq!(said.get("seawall_calls_total", &labels), 3.0);
    assert_eq!(said.samples().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_is_listened_to_counts_as_much() {
    recorder();
    let name = "heard";
    let layer = TimeoutLayer::new(TimeoutConfig::new(SECOND).name(name)).on_event(|_: &seawall::Event| ());
    assert!(!call(&layer.layer(script([Play::Hang]))).await);
    let said = said(name);
    assert_eq!((said.get("seawall_calls_total", &[("outcome", "rejected")]), said.samples().len()), (1.0, 1));
}
