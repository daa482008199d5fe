//! The code of `echo.proto`, as it was generated once.

use std::path::Path;

/// Needs no `protoc`. With `BLESS=1` it writes the code anew.
#[test]
fn the_generated_code_is_that_of_the_proto() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/edges/proto");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let files = protox::compile([here.join("echo.proto")], [&here]).expect("a proto");
    tonic_prost_build::configure().out_dir(out).compile_fds(files).expect("code");
    let fresh = std::fs::read_to_string(out.join("echo.rs")).unwrap();
    let kept = here.join("echo.rs");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&kept, &fresh).unwrap();
    }
    assert!(std::fs::read_to_string(kept).unwrap() == fresh, "stale: run this test with BLESS=1");
}
