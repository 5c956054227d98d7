//! A lab as one file: what goes in, that it runs, and that a hostile one does no harm.

use std::{
    fs::{self, File},
    io::{Cursor, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Output,
};

use rustix::process::Signal;
use tempfile::TempDir;
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::harness::{
    Visitor,
    program::{Program, run},
};

const CONFIG: &str = r#"{"layout": {"terminals": [{"id": "host"}]}}"#;

/// Writes files below a folder.
fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let file = root.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
}

/// A lab `lab` inside a folder of its own.
fn lab() -> (TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("lab");
    let files = [
        (".katapod_config.json", CONFIG),
        (".gitpod.yml", "tasks: []\n"),
        (".env", "SECRET=1\n"),
        (".git/config", "secret"),
        (
            "intro.md",
            "# Lab\n\n![x](images/a.png)\n\n[n](command:katapod.loadPage?sub/two)\n",
        ),
        ("sub/two.md", "# Two\n"),
        ("images/a.png", "an image"),
        ("scripts/go.sh", "#!/bin/sh\necho it runs\n"),
        ("node_modules/x/y.js", "left out"),
    ];
    write(&root, &files);
    let script = root.join("scripts/go.sh");
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
    (temp, root)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn told(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(&[&out[..], err].concat()).into_owned()
}

/// Checks that the lab of `root` is exported to `out`.
fn export(root: &Path, out: &Path) {
    let output = run(&["export", text(root), "--out", text(out)], &[]);
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn archive_holds_what_a_lab_may_serve_and_nothing_else() {
    let (temp, root) = lab();
    write(temp.path(), &[("secret", "secret")]);
    symlink(temp.path().join("secret"), root.join("link.txt")).unwrap();
    symlink(root.join("images/a.png"), root.join("images/b.png")).unwrap();
    let out = root.join("own.zip");
    export(&root, &out);
    let first = fs::read(&out).unwrap();
    let mut archive = ZipArchive::new(Cursor::new(&first)).unwrap();
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    let expected = [
        "lab/.gitpod.yml",
        "lab/.katapod_config.json",
        "lab/images/a.png",
        "lab/images/b.png",
        "lab/intro.md",
        "lab/scripts/go.sh",
        "lab/sub/two.md",
    ];
    assert_eq!(names, expected);
    assert!(archive.by_name("lab/images/b.png").unwrap().is_file());
    let script = archive.by_name("lab/scripts/go.sh").unwrap();
    assert_eq!(script.unix_mode().unwrap() & 0o777, 0o755);
    drop(script);

    // Written again, with the earlier one in the folder, it is the same.
    fs::write(
        root.join("intro.md"),
        fs::read(root.join("intro.md")).unwrap(),
    )
    .unwrap();
    export(&root, &out);
    assert_eq!(fs::read(&out).unwrap(), first);
}

#[test]
fn hidden_files_are_packed_where_the_lab_names_them_and_are_told() {
    let (temp, root) = lab();
    let page = "```\n. ./.env; . ./.env.example; sh .tools/go.sh; cat .git/config\n```\n\n\
                ```\nsh .github/up.sh; cat .x/node_modules/y\n```\n\n\
                ```\n### {\"execute\": false}\ncat .tools/read\n```\n";
    let files = [
        ("sub/two.md", page),
        (".env.example", "SECRET=\n"),
        (".github/up.sh", "echo"),
        (".github/other", "x"),
        (".tools/go.sh", "echo"),
        (".tools/read", "x"),
        (".x/node_modules/y", "x"),
        (".gitignore", "x"),
    ];
    write(&root, &files);
    let out = temp.path().join("lab.zip");
    let output = run(&["export", text(&root), "--out", text(&out)], &[]);
    let said = told(&output);
    let packed = "hidden, and packed as the lab's commands name it: \
                  `.env.example`, `.github/up.sh`, `.tools/go.sh`\n";
    assert!(said.contains(packed), "{said}");
    let secret = "hidden, and left out as it usually holds secrets: `.env`\n";
    assert!(said.contains(secret), "{said}");
    let left_out = "hidden, and otherwise left out: `.tools/`, `.x/`\n";
    assert!(said.contains(left_out), "{said}");
    let archive = ZipArchive::new(File::open(&out).unwrap()).unwrap();
    let mut hidden: Vec<&str> = archive
        .file_names()
        .filter(|name| name.contains("/."))
        .collect();
    hidden.sort_unstable();
    let expected = [
        "lab/.env.example",
        "lab/.github/up.sh",
        "lab/.gitpod.yml",
        "lab/.katapod_config.json",
        "lab/.tools/go.sh",
    ];
    assert_eq!(hidden, expected);
    let output = run(&["check", text(&out)], &[]);
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn file_that_can_not_be_read_is_named() {
    // Nothing is unreadable for root.
    if rustix::process::geteuid().is_root() {
        return;
    }
    let (temp, root) = lab();
    fs::set_permissions(root.join("images/a.png"), fs::Permissions::from_mode(0o000)).unwrap();
    let out = temp.path().join("lab.zip");
    let output = run(&["export", text(&root), "--out", text(&out)], &[]);
    let said = told(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("`images/a.png` can't be read: "), "{said}");
    assert!(said.contains("hint: make it readable for you"), "{said}");
    let output = run(&["test", text(&root)], &[]);
    let said = told(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("images/a.png` can't be read: "), "{said}");
    assert!(said.contains("hint: make it readable for you"), "{said}");
}

#[test]
fn links_to_folders_hide_nothing_and_repeat_nothing() {
    let (temp, root) = lab();
    write(temp.path(), &[("elsewhere/a/b", "x")]);
    symlink(".", root.join("a-loop")).unwrap();
    symlink("..", root.join("sub/above")).unwrap();
    symlink(temp.path().join("elsewhere"), root.join("b-elsewhere")).unwrap();
    symlink("images", root.join("pictures")).unwrap();
    let out = temp.path().join("lab.zip");
    export(&root, &out);
    let archive = ZipArchive::new(File::open(&out).unwrap()).unwrap();
    let names: Vec<&str> = archive.file_names().collect();
    let expected = [
        "lab/.gitpod.yml",
        "lab/.katapod_config.json",
        "lab/images/a.png",
        "lab/intro.md",
        "lab/pictures/a.png",
        "lab/scripts/go.sh",
        "lab/sub/two.md",
    ];
    assert_eq!(names, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn archive_runs_and_leaves_nothing_behind() {
    let (temp, root) = lab();
    let out = temp.path().join("other name.zip");
    export(&root, &out);
    fs::remove_dir_all(&root).unwrap();
    for command in ["check", "inspect"] {
        let output = run(&[command, text(&out)], &[]);
        assert!(output.status.success(), "{}", told(&output));
    }
    let scratch = temp.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let shell = crate::harness::program("shell");
    let arguments = [
        text(&out),
        "--listen",
        "127.0.0.1:0",
        "--shell",
        text(&shell),
    ];
    let mut program = Program::start(&arguments, &[("TMPDIR", text(&scratch))]);
    let address = program.socket("lab");
    let mut visitor = Visitor::connect(&address, None, None).await.unwrap();
    visitor.size_all(80, 24).await;
    assert_eq!(visitor.steps(), ["intro", "sub/two"]);
    visitor.type_text("host", "scripts/go.sh\r").await;
    visitor.until_text("host", "it runs").await;
    let inside = fs::read_dir(&scratch).unwrap().next().unwrap().unwrap();
    let mode = inside.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "others may read it");
    program.signal(Signal::TERM);
    assert!(program.ended().await.success());
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0);
}

#[test]
fn lab_with_errors_is_exported_by_force_only() {
    let (temp, root) = lab();
    write(
        &root,
        &[("sub/two.md", "[x](command:katapod.loadPage?nowhere)\n")],
    );
    let out = temp.path().join("lab.zip");
    let refused = run(&["export", text(&root), "--out", text(&out)], &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        told(&refused).contains("sub/two.md:1"),
        "{}",
        told(&refused)
    );
    assert!(!out.exists());
    let forced = run(
        &["export", text(&root), "--out", text(&out), "--force"],
        &[],
    );
    assert!(forced.status.success(), "{}", told(&forced));
    assert!(out.exists());
}

#[test]
fn archive_of_another_origin_runs() {
    let temp = tempfile::tempdir().unwrap();
    let options = SimpleFileOptions::default();
    let foreign = archive(|writer| {
        for name in ["a lab: one/intro.md", "__MACOSX/a lab: one/._intro.md"] {
            writer.start_file(name, options).unwrap();
            writer.write_all(b"# Lab\n").unwrap();
        }
    });
    let flat = archive(|writer| {
        writer.add_directory("images", options).unwrap();
        writer.start_file("intro.md", options).unwrap();
        writer.write_all(b"# Lab\n").unwrap();
    });
    for (bytes, name) in [(foreign, "a lab: one"), (flat, "flat")] {
        let file = temp.path().join("flat.zip");
        fs::write(&file, bytes).unwrap();
        let output = run(&["inspect", text(&file), "--json"], &[]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["scenario"], name);
    }
}

#[test]
fn name_that_can_not_be_unpacked_is_not_packed() {
    let (temp, root) = lab();
    write(&root, &[("images/a\nb.png", "x")]);
    let out = temp.path().join("lab.zip");
    let refused = run(&["export", text(&root), "--out", text(&out)], &[]);
    assert_eq!(refused.status.code(), Some(2));
    let told = told(&refused);
    assert!(
        told.contains("`lab/images/a\\nb.png` is no plain path"),
        "{told}"
    );
    assert!(!out.exists());
}

#[test]
fn only_an_archive_is_replaced() {
    let (_temp, root) = lab();
    let page = root.join("intro.md");
    let refused = run(&["export", text(&root), "--out", text(&page)], &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(fs::read_to_string(&page).unwrap().starts_with("# Lab"));
}

/// Makes an archive by hand.
fn archive(write: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    write(&mut writer);
    writer.finish().unwrap().into_inner()
}

/// An archive of a page and one entry more.
fn with_entry(name: &str) -> Vec<u8> {
    archive(|writer| {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file("intro.md", options).unwrap();
        writer.write_all(b"# Lab\n").unwrap();
        writer.start_file(name, options).unwrap();
        writer.write_all(b"an entry\n").unwrap();
    })
}

/// Checks that an archive is refused with these words, and that nothing of it stays.
fn check_refused(bytes: &[u8], words: &str) {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("lab.zip");
    fs::write(&file, bytes).unwrap();
    let scratch = temp.path().join("deep/scratch");
    fs::create_dir_all(&scratch).unwrap();
    for command in ["check", "serve"] {
        let output = run(&[command, text(&file)], &[("TMPDIR", text(&scratch))]);
        assert_eq!(output.status.code(), Some(2), "{words}: {}", told(&output));
        let told = told(&output);
        assert!(told.contains(words), "{words}: {told}");
        assert!(told.contains("hint: "), "{told}");
    }
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "{words}");
    assert_eq!(fs::read_dir(temp.path().join("deep")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2, "{words}");
}

#[test]
fn path_out_of_an_archive_is_refused() {
    for name in ["../out.md", "a/../../out.md", "/tmp/katahost-out.md", ".."] {
        check_refused(&with_entry(name), "leads out of the archive's folder");
    }
    for name in ["a\\..\\out.md", "a//b.md", "./b.md", "a\nb.md"] {
        check_refused(&with_entry(name), "is no plain path");
    }
    check_refused(&with_entry(&"a/".repeat(600)), "is no plain path");
}

#[test]
fn link_and_device_in_an_archive_are_refused() {
    let link = archive(|writer| {
        let options = SimpleFileOptions::default();
        writer
            .add_symlink("intro.md", "/etc/passwd", options)
            .unwrap();
    });
    check_refused(&link, "`intro.md` is a link");
    // The mode of its one entry becomes that of a device, in the archive's list.
    let mut device = archive(|writer| {
        let options = SimpleFileOptions::default().unix_permissions(0o644);
        writer.start_file("intro.md", options).unwrap();
    });
    let list = find(&device, b"PK\x01\x02");
    device[list + 40..list + 42].copy_from_slice(&0o020_644_u16.to_le_bytes());
    check_refused(&device, "is neither a file nor a folder");
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes
        .windows(part.len())
        .position(|window| window == part)
        .unwrap()
}

/// Renames an entry in all its places; the names are equally long.
fn rename(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn name_that_comes_twice_is_refused() {
    let twice = rename(with_entry("other.md"), b"other.md", b"intro.md");
    check_refused(&twice, "`intro.md` is in the archive twice");
    check_refused(&with_entry("intro.md/b"), "is in the archive twice");
}

#[test]
fn bomb_is_refused() {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let bomb = archive(|writer| {
        writer.start_file("intro.md", options).unwrap();
        writer.write_all(&vec![b'x'; 1_000_000]).unwrap();
    });
    assert!(bomb.len() < 10_000);
    // What it says of its size: more than there may be, and less than there is.
    let says = |bytes: u32| {
        let mut bomb = bomb.clone();
        for (start, at) in [(&b"PK\x01\x02"[..], 24), (b"PK\x03\x04", 22)] {
            let at = find(&bomb, start) + at;
            bomb[at..at + 4].copy_from_slice(&bytes.to_le_bytes());
        }
        bomb
    };
    check_refused(&says(600_000_000), "it holds more than 512 MiB");
    check_refused(&says(1_000), "`intro.md` is damaged");
    let many = archive(|writer| {
        for number in 0..20_000 {
            writer.start_file(format!("{number}"), options).unwrap();
        }
    });
    check_refused(&many, "it holds 20000 files or more");
}

#[test]
fn damaged_archive_is_refused() {
    let whole = with_entry("step1.md");
    check_refused(&whole[..whole.len() - 30], "can't be");
    let mut broken = whole.clone();
    let data = find(&broken, b"intro.md") + b"intro.md".len();
    broken[data..data + 4].copy_from_slice(&[0xff; 4]);
    check_refused(&broken, "can't be used");
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("lab.zip");
    File::create(&file)
        .unwrap()
        .write_all(b"no archive")
        .unwrap();
    let output = run(&["serve", text(&file)], &[]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}
