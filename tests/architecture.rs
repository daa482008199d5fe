//! The rules of the house, read off the source: who may know whom, which rooms a pattern has, what no file contains.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the ground up. A module knows those below it.
#[rustfmt::skip]
const FLOORS: [&[&str]; 5] = [
    &["base"],
    &[
        "name", "key", "classify", "totals", "error", "rejected", "lift", "event", "telemetry", "backoff", "budget",
        "deadline", "attempt", "repeat", "discard",
    ],
    &["gate"],
    &["circuit_breaker", "bulkhead", "rate_limit", "adaptive", "retry", "hedge", "timeout", "fallback", "coalesce", "chaos", "cache"],
    &["http", "axum", "grpc", "reqwest", "reqwest_middleware", "testing"],
];
const WORDS: usize = 1;
const PATTERNS: usize = 3;
const EDGES: usize = 4;
const ROOMS: [&str; 8] = ["mod", "config", "state", "layer", "service", "future", "handle", "tests"];
#[rustfmt::skip]
const HEADINGS: [&str; 8] = [
    "When to use", "When not to", "Example", "How it decides", "Defaults", "Where in the stack",
    "Events and metrics", "Cancellation and panics",
];

/// A source file: where it is, and its code without comments and without its tests.
struct Source {
    path: String,
    /// `["circuit_breaker", "state", "core"]`
    module: Vec<String>,
    lines: usize,
    code: String,
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = entries(folder).into_iter();
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources() -> Vec<Source> {
    let src = root("src");
    let read = |path: PathBuf| {
        let text = text(&path);
        let path = path.strip_prefix(&src).expect("below src").with_extension("");
        let mut module: Vec<_> = path.iter().map(|part| part.to_str().expect("a name").to_owned()).collect();
        let path = format!("src/{}.rs", module.join("/"));
        module.pop_if(|last| last == "mod" || last == "lib");
        let is_test = module.iter().any(|part| part == "tests" || part == "models");
        let code = text.lines().take_while(|line| !is_test && !line.starts_with("#[cfg(all(test"));
        let code: Vec<_> = code.map(|line| line.split("//").next().unwrap_or_default()).collect();
        Source { path, module, lines: text.lines().count(), code: code.join("\n") }
    };
    files(&src).into_iter().map(read).collect()
}

fn floor(module: &str) -> usize {
    let floor = FLOORS.iter().position(|floor| floor.contains(&module));
    floor.unwrap_or_else(|| panic!("`{module}` has no floor: give it one here"))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

fn word(text: &str) -> &str {
    words(text).next().unwrap_or_default()
}

/// What `lib.rs` re-exports, and the module it comes from.
fn exports(code: &str) -> HashMap<String, String> {
    let statements = code.split(';').filter_map(|line| line.trim().strip_prefix("pub use self::"));
    let names = |statement: &str| {
        let (path, names) = statement.rsplit_once("::").expect("a path");
        words(names).map(|name| (name.to_owned(), word(path).to_owned())).collect::<Vec<_>>()
    };
    statements.flat_map(names).collect()
}

/// The modules of the crate's root that a file names, by `crate::` or by climbing with `super::`.
fn imports(source: &Source, exports: &HashMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    let known = |name: &str| FLOORS.concat().contains(&name).then(|| name.to_owned());
    for (at, _) in source.code.match_indices("crate::") {
        let first = word(&source.code[at + "crate::".len()..]);
        if !source.code[..at].ends_with('$') {
            found.push(exports.get(first).map_or(first, String::as_str).to_owned());
        }
    }
    // As many as lead to the root. In a module within a file they do not lead as far: only what is known counts.
    let climb = "super::".repeat(source.module.len());
    for (at, _) in source.code.match_indices(&climb) {
        let named = source.code[at + climb.len()..].split(';').next().unwrap_or_default();
        found.extend(words(named).filter_map(known));
    }
    found
}

#[test]
fn nobody_knows_those_above() {
    let sources = sources();
    let exports = exports(&sources.iter().find(|source| source.path == "src/lib.rs").expect("lib.rs").code);
    for source in sources.iter().filter(|source| !["src/lib.rs", "src/guide.rs"].contains(&&*source.path)) {
        let own = &source.module[0];
        for other in imports(source, &exports).iter().filter(|&other| other != own) {
            assert!(!other.is_empty(), "{}: name one path for each `use`", source.path);
            let (here, there) = (floor(own), floor(other));
            let neighbours = here == there && (here == WORDS || here == EDGES);
            assert!(there < here || neighbours, "{} must not know `{other}`", source.path);
        }
    }
}

#[test]
fn a_pattern_holds_its_rooms_and_nothing_else() {
    for pattern in FLOORS[PATTERNS] {
        for path in entries(&root("src").join(pattern)) {
            let room = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            assert!(ROOMS.contains(&room), "{} is no room", path.display());
        }
    }
}

#[test]
fn a_machine_reads_no_clock_and_knows_no_tower() {
    let is_machine = |source: &&Source| {
        FLOORS[PATTERNS].contains(&&*source.module[0])
            && source.module.get(1).is_some_and(|room| room == "state")
    };
    for source in sources().iter().filter(|source| !source.module.is_empty()).filter(is_machine) {
        for (at, _) in source.code.match_indices("clock::") {
            let named = source.code[at..].split(';').next().unwrap_or_default();
            let reads = words(named).any(|name| ["now", "precise", "wall"].contains(&name));
            assert!(!reads, "{} reads the clock", source.path);
        }
        let foreign = words(&source.code).any(|name| name == "tower" || name == "tokio");
        assert!(!foreign, "{} is no pure machine", source.path);
    }
}

#[test]
fn features_are_asked_for_at_the_edges_only() {
    for source in sources() {
        let edge = source.module.first().is_none_or(|first| FLOORS[EDGES].contains(&&**first));
        // `testing` changes the source of time. A lint that is expected changes nothing, nor does a derive of plain data.
        let config = source.module.last().is_some_and(|room| room == "config");
        for line in source.code.lines().filter(|line| line.contains("feature = \"")) {
            let harmless = line.contains("expect(") || (config && line.contains("derive("));
            let telemetry = source.path == "src/telemetry/mod.rs";
            assert!(
                edge || source.path == "src/base/clock.rs" || telemetry || harmless,
                "{}: {line}",
                source.path
            );
        }
    }
}

#[test]
fn files_are_short_and_free_of_what_is_banned() {
    for Source { path, lines, code, .. } in sources() {
        assert!(lines <= 300, "{path} has {lines} lines");
        for banned in ["tokio::spawn", "Box::pin", "dyn Future", "unsafe"] {
            // The trait of that crate boxes every call.
            let theirs = path == "src/reqwest_middleware.rs" && banned == "Box::pin";
            assert!(theirs || !code.contains(banned), "{path} contains `{banned}`");
        }
        let may_own_a_task = path == "src/cache/future/refresh.rs";
        assert!(may_own_a_task || !code.contains("tokio::runtime"), "{path} asks for a runtime");
    }
}

#[test]
fn the_docs_of_every_pattern_have_the_same_headings() {
    for pattern in FLOORS[PATTERNS] {
        let text = text(&root("src").join(pattern).join("mod.rs"));
        let docs: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("//!")).map(str::trim).collect();
        // Between fences, `#` hides a line of an example.
        let prose = docs.split(|line| line.starts_with("```")).step_by(2).flatten();
        let headings: Vec<_> = prose.filter_map(|line| line.strip_prefix("# ")).collect();
        assert_eq!(headings, HEADINGS, "{pattern}");
        assert!(docs[0].ends_with('.') && docs[1].is_empty(), "{pattern}: one sentence comes first");
    }
}

#[test]
fn the_pages_are_short_and_their_examples_run() {
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let pages = files(&root("docs")).into_iter().filter(is_page).map(|page| (page, 200));
    for (page, most) in pages.chain([(root("README.md"), 150)]) {
        let text = text(&page);
        let lines = text.lines().count();
        assert!(lines <= most, "{} has {lines} lines", page.display());
        for fence in text.lines().filter(|line| line.starts_with("```")) {
            assert!(!fence.contains("ignore"), "{}: {fence}", page.display());
        }
    }
}
