//! What katahost is built from: licences that let everybody use it, and one registry.

use std::process::Command;

use serde_json::Value;

/// Licences under which a dependency may come, as SPDX names them.
const PERMISSIVE: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Crates under the Mozilla Public License, which binds changes to their own files only; we make
/// none. All come with the HTML sanitiser and the asset embedder.
const FILE_COPYLEFT: [&str; 5] = [
    "cssparser",
    "cssparser-macros",
    "dtoa-short",
    "option-ext",
    "selectors",
];

/// Whether an SPDX expression offers a choice that is permissive throughout.
fn is_permissive(expression: &str) -> bool {
    let plain = expression.replace('/', " OR ").replace(['(', ')'], "");
    let choice = |choice: &str| {
        choice
            .split(" AND ")
            .all(|one| PERMISSIVE.contains(&one.trim()))
    };
    plain.split(" OR ").any(choice)
}

#[test]
fn dependencies_are_permissive_and_come_from_the_registry() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut problems = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let license = package["license"].as_str().unwrap_or("none");
        let excepted = license == "MPL-2.0" && FILE_COPYLEFT.contains(&name);
        if !is_permissive(license) && !excepted {
            problems.push(format!("{name} is under {license}"));
        }
        let source = package["source"].as_str();
        if source.is_some_and(|source| !source.starts_with("registry+")) {
            problems.push(format!("{name} comes from {source:?}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn choice_of_licences_needs_one_that_is_permissive() {
    assert!(is_permissive("MIT/Apache-2.0"));
    assert!(is_permissive("GPL-3.0 OR MIT"));
    assert!(is_permissive("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(!is_permissive("MIT AND GPL-3.0"));
}
