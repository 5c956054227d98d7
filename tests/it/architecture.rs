//! The invariants of the architecture that a machine can check.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What each module may import of the crate, itself aside. Imports point down.
const MAY_IMPORT: [(&str, &[&str]); 8] = [
    ("scenario", &[]),
    ("protocol", &[]),
    ("command", &["scenario"]),
    ("terminal", &[]),
    ("lab", &["command", "scenario", "terminal"]),
    ("client", &["protocol"]),
    (
        "server",
        &["command", "lab", "protocol", "scenario", "terminal"],
    ),
    ("cli", &["client", "command", "lab", "scenario", "server"]),
];

/// Modules that decide and do nothing.
const PURE: [&str; 3] = ["scenario", "command", "protocol"];

/// What touches the world: the runtime, the network, the file system, the clock, chance.
const WORLD: [&str; 17] = [
    "tokio",
    "tokio_util",
    "tokio_tungstenite",
    "axum",
    "axum_server",
    "futures_util",
    "portable_pty",
    "rustix",
    "getrandom",
    "tempfile",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time",
    "std::os",
];

/// A source file, without its comments and its unit tests.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    /// The module right below the crate.
    module: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 40, "the sources were not found");
    // The generator of the TypeScript types is itself a test.
    files.retain(|file| !file.ends_with("protocol/typescript.rs"));
    files
        .into_iter()
        .map(|file| {
            let path = file.strip_prefix(&root).unwrap().to_owned();
            let first = path.iter().next().unwrap().to_str().unwrap();
            let module = first.trim_end_matches(".rs").to_owned();
            let code = code(&fs::read_to_string(&file).unwrap());
            Source { path, module, code }
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// Drops comments, and the module of unit tests that stands last in a file.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let line = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The modules of the crate that `code` names after `crate::`, in lists as well.
fn imported(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, start) in code.match_indices("crate::") {
        let rest = code.get(at + start.len()..).unwrap();
        match rest.strip_prefix('{') {
            None => found.extend(first_word(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut begins = true;
                for (at, letter) in list.char_indices() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => begins = true,
                        _ if begins && letter.is_alphabetic() => {
                            found.extend(first_word(list.get(at..).unwrap()));
                            begins = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

fn first_word(text: &str) -> Option<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let word = text.split(|letter| !is_part(letter)).next()?;
    (!word.is_empty()).then(|| word.to_owned())
}

/// Whether `code` uses the path `name`, written out or in a list after `std::`.
fn names(code: &str, name: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let used = |name: &str| {
        code.match_indices(name).any(|(at, _)| {
            let before = code.get(..at).unwrap().chars().next_back();
            let after = code.get(at + name.len()..).unwrap();
            !before.is_some_and(|letter| is_part(letter) || letter == ':')
                && (after.starts_with("::") || after.starts_with(';'))
        })
    };
    let in_list = |inner: &str| {
        code.split("use std::{").skip(1).any(|rest| {
            let list = rest.split("};").next().unwrap_or_default();
            list.split([',', '{', '}', '\n', ' '])
                .any(|item| item == inner || item.starts_with(&format!("{inner}::")))
        })
    };
    used(name) || name.strip_prefix("std::").is_some_and(in_list)
}

/// All files where `breaks` finds something, with what it found.
fn check(rule: &str, breaks: impl Fn(&Source) -> Vec<String>) {
    let broken: BTreeMap<PathBuf, Vec<String>> = sources()
        .into_iter()
        .map(|source| (source.path.clone(), breaks(&source)))
        .filter(|(_, found)| !found.is_empty())
        .collect();
    assert!(broken.is_empty(), "{rule}: {broken:#?}");
}

#[test]
fn imports_point_down() {
    let known: BTreeMap<&str, &[&str]> = MAY_IMPORT.into_iter().collect();
    check("a module imports what stands above it", |source| {
        let Some(allowed) = known.get(source.module.as_str()) else {
            let roots = ["lib", "main"].contains(&source.module.as_str());
            assert!(roots, "`{}` has no rule", source.module);
            return Vec::new();
        };
        let mut found = imported(&source.code);
        found.remove(&source.module);
        found.retain(|module| known.contains_key(module.as_str()));
        found.retain(|module| !allowed.contains(&module.as_str()));
        found.into_iter().collect()
    });
}

#[test]
fn pure_modules_touch_nothing_of_the_world() {
    check("a pure module does something", |source| {
        let pure = PURE.contains(&source.module.as_str());
        let world = WORLD
            .iter()
            .filter(|name| pure && names(&source.code, name));
        world.map(|name| (*name).to_owned()).collect()
    });
}

#[test]
fn unsafe_code_stands_in_one_file() {
    check("unsafe code", |source| {
        let allowed = source.path == Path::new("terminal/descriptor.rs");
        let has = source.code.contains("unsafe {") || source.code.contains("unsafe fn");
        let found = has || source.code.contains("unsafe impl");
        (found && !allowed)
            .then(|| "unsafe".to_owned())
            .into_iter()
            .collect()
    });
}

#[test]
fn every_channel_has_a_bound() {
    check("a channel without a bound", |source| {
        let unbounded = ["unbounded_channel", "UnboundedSender", "mpsc::unbounded"];
        let found = unbounded.iter().filter(|name| source.code.contains(**name));
        found.map(|name| (*name).to_owned()).collect()
    });
}

#[test]
fn checks_of_this_file_see_what_they_look_for() {
    let code = "use std::{\n    collections::X,\n    time::{Duration, Instant},\n};\n\
        use crate::{\n    lab::{A, B},\n    scenario::C,\n};\nuse crate::server::D;";
    let wanted = ["lab", "scenario", "server"].map(str::to_owned);
    assert_eq!(imported(code), BTreeSet::from(wanted));
    assert!(names(code, "std::time"));
    assert!(!names(code, "std::fs"));
    assert!(names("let x = std::fs::read(p);", "std::fs"));
    assert!(names("use tokio::sync::mpsc;", "tokio"));
    assert!(!names("use my_tokio::sync;", "tokio"));
}
