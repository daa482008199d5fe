//! What a layer costs.
fn main() {}
