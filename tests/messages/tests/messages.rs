//! The messages, word by word. After a change, or with another compiler: `TRYBUILD=overwrite`, and read what it wrote.

#[test]
fn a_mistake_is_explained_by_the_compiler() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
