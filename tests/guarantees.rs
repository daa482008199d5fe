//! The manual names tests. They must exist.

use std::fs;
use std::path::Path;

fn read(path: &Path) -> String {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path());
        return entries.map(|entry| read(&entry)).collect();
    }
    // The fuzzer leaves what is no text.
    let is_text = path.extension().is_some_and(|extension| extension == "rs" || extension == "md");
    if is_text { fs::read_to_string(path).expect("a text") } else { String::new() }
}

#[test]
fn every_test_that_the_manual_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code = read(&root.join("src")) + &read(&root.join("tests"));
    for page in ["docs/guarantees.md", "docs/performance.md", "docs/traps.md"] {
        let text = read(&root.join(page));
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        // A name with so many words is a sentence.
        let missing: Vec<_> = words
            .filter(|word| word.matches('_').count() > 2)
            .filter(|name| !["(", "<"].iter().any(|end| code.contains(&format!("fn {name}{end}"))))
            .collect();
        assert!(missing.is_empty(), "{page} names tests that do not exist: {missing:?}");
    }
}
