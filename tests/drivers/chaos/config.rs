//! What may be asked for.

use seawall::ConfigError;

use super::*;

#[test]
fn errors_without_a_function_are_refused() {
    let error = ChaosLayer::try_new(ChaosConfig::default().errors(0.1)).unwrap_err();
    let said = "`chaos.error_rate` is 0.1, but must be 0, or made with `ChaosLayer::answering`";
    assert_eq!(error.to_string(), said);
}

#[test]
fn nonsense_is_an_error_or_a_panic_at_the_line_that_asked_for_it() {
    let nonsense = ChaosConfig::default().hangs(2.0);
    let error: ConfigError = ChaosLayer::try_answering(nonsense.clone(), injected as Inject).unwrap_err();
    assert_eq!((error.field(), error.to_string().contains("from 0 to 1")), ("chaos.hang_rate", true));
    assert!(std::panic::catch_unwind(|| ChaosLayer::new(nonsense)).is_err());
}

#[test]
fn the_name_is_the_line_that_made_it_unless_it_is_given() {
    let layer = ChaosLayer::new(ChaosConfig::default());
    assert!(format!("{:?}", layer.handle()).contains(file!()));
    let layer = ChaosLayer::new(ChaosConfig::default().name("stock"));
    assert!(format!("{:?} {layer:?}", layer.handle()).contains("stock"));
}
