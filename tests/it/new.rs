//! `katahost new` makes a lab that has no mistakes, and overwrites nothing.

use std::fs;

use katahost::lab::{Folder, Scan};

use crate::{
    harness::program::{command, run},
    play::{play, text},
};

#[test]
fn new_lab_passes_check_without_a_warning() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("labs/my-lab");
    let made = run(&["new", path.to_str().unwrap()], &[]);
    assert!(made.status.success(), "{made:?}");
    let checked = run(&["check", path.to_str().unwrap()], &[]);
    let checked = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked, "1 scenario, 4 steps: 0 errors, 0 warnings\n");
    let scan = Scan::new(&Folder::open(&path).unwrap());
    let steps: Vec<&str> = scan.pages.iter().map(|page| page.step.as_str()).collect();
    assert_eq!(steps, ["intro", "finish", "step1", "step2"]);
    assert_eq!(scan.pages[0].title, "My lab");
    assert!(scan.pages[0].images[0].local);
    for name in ["README.md", ".github/workflows/lab.yml", "intro.md"] {
        let text = fs::read_to_string(path.join(name)).unwrap();
        assert!(!text.contains("{{"), "{name}: {text}");
    }
    let workflow = fs::read_to_string(path.join(".github/workflows/lab.yml")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        workflow.contains(&format!("katahost@{version}\n")),
        "{workflow}"
    );
}

#[test]
fn new_lab_passes_its_test_and_is_tested_by_its_workflow() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("my-lab");
    assert!(run(&["new", path.to_str().unwrap()], &[]).status.success());
    let output = play(&path, &[], &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("5 passed, 0 failed, 0 skipped"));
    let workflow = fs::read_to_string(path.join(".github/workflows/lab.yml")).unwrap();
    for command in ["katahost check .\n", "katahost test .\n"] {
        assert!(workflow.contains(command), "{workflow}");
    }
}

#[test]
fn title_is_what_was_given() {
    let title = r"A *bold* [lab](x) & <b>`tags`</b> {#x} \ 1 < 2 # {{title}}";
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("lab");
    let made = run(&["new", path.to_str().unwrap(), "--title", title], &[]);
    assert!(made.status.success(), "{made:?}");
    let scan = Scan::new(&Folder::open(&path).unwrap());
    assert_eq!(scan.diagnostics, []);
    assert_eq!(scan.pages[0].title, title);
}

#[test]
fn nothing_is_overwritten() {
    let temp = tempfile::tempdir().unwrap();
    let taken = temp.path().join("taken");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("notes"), "mine").unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "mine").unwrap();
    for path in [&taken, &file] {
        let refused = run(&["new", path.to_str().unwrap()], &[]);
        assert_eq!(refused.status.code(), Some(2));
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(
            told.contains("exists, and nothing is written over it"),
            "{told}"
        );
    }
    assert_eq!(fs::read_dir(&taken).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    for arguments in [
        &["new", "/"][..],
        &["new", ".."],
        &["new", "x", "--title", " "],
    ] {
        assert_eq!(run(arguments, &[]).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn fresh_repository_takes_a_lab_and_keeps_its_own_files() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("my-lab");
    fs::create_dir_all(path.join(".git")).unwrap();
    for name in ["README.md", "LICENSE"] {
        fs::write(path.join(name), "mine").unwrap();
    }
    let mut command = command(&["new", "."], &[]);
    let made = command.current_dir(&path).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    assert!(!String::from_utf8_lossy(&made.stdout).contains("GitHub"));
    assert_eq!(fs::read_to_string(path.join("README.md")).unwrap(), "mine");
    let scan = Scan::new(&Folder::open(&path).unwrap());
    assert_eq!(scan.pages[0].title, "My lab");
    // In a repository's folder, the workflow is where nobody reads it.
    let inner = path.join("labs/second");
    let made = run(&["new", inner.to_str().unwrap()], &[]);
    let told = String::from_utf8_lossy(&made.stdout).into_owned();
    let to = path.join(".github/workflows/lab.yml");
    assert!(told.contains(&format!("to `{}`", to.display())), "{told}");
}
