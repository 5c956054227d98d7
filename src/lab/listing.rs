//! Everything that a scenario runs by itself, with the files behind it, and one hash for all.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{self, Read},
    path::{Component, Path},
};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::folder::Folder;
use crate::scenario::{
    Config, Page, Unattended,
    unattended::{checks, may_have_checks, on_load, words},
};

/// How much of all pages is looked through for checks. More is no scenario; what a page beyond has
/// is asked about when it is shown.
const MAX_PAGE_BYTES: usize = 64 * 1024 * 1024;

/// How often all texts' words are looked for, and from how many folders each.
const MAX_LOOKS: usize = 20_000;
const MAX_BASES: usize = 8;

/// How many files are covered.
const MAX_FILES: usize = 500;

/// How much of a file is covered, and of all together; scripts are far smaller.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
const MAX_ALL_BYTES: u64 = 64 * 1024 * 1024;

/// Begins what is hashed. Another way to hash needs another one, and asks again.
const MARK: &[u8] = b"katahost unattended 1";

/// Everything that a scenario runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// SHA-256 in hexadecimal: another one where any text or file is another one.
    pub hash: String,
    /// What runs: on-load commands in the order of the config, then checks in that of the steps.
    pub items: Vec<Unattended>,
    /// The files that those name.
    pub files: Vec<CoveredFile>,
}

/// A file of the scenario whose content is covered, as a text that runs names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoveredFile {
    /// Its path in the scenario's folder.
    pub path: String,
    /// Whether all of it is covered: a very large file counts by its beginning and its length.
    pub whole: bool,
}

impl Listing {
    /// Looks through the scenario in `folder`; nothing where it runs nothing by itself. The page
    /// `shown` counts as it is shown, and not as its file is now.
    #[must_use]
    pub fn read(folder: &Folder, config: &Config, shown: Option<&Page>) -> Option<Self> {
        let mut items = on_load(config);
        let mut left = MAX_PAGE_BYTES;
        for step in folder.steps() {
            if let Some(page) = shown.filter(|page| page.step == step) {
                items.extend(checks(page));
                continue;
            }
            let Ok(markdown) = folder.read_step(&step) else {
                continue;
            };
            let Some(rest) = left.checked_sub(markdown.len()) else {
                continue;
            };
            left = rest;
            if may_have_checks(&markdown) {
                items.extend(checks(&Page::parse(&step, &markdown, config)));
            }
        }
        if items.is_empty() {
            return None;
        }
        let mut sum = Sum::new();
        let parts = items.iter().flat_map(Unattended::parts);
        parts.for_each(|part| sum.add(part.as_bytes()));
        let texts = items.iter().map(|item| item.text.as_str());
        let files = cover(folder, &named(folder, texts), &mut sum);
        Some(Self {
            hash: sum.hexadecimal(),
            items,
            files,
        })
    }

    /// Whether all of these are among what runs.
    pub(super) fn has(&self, checks: &[Unattended]) -> bool {
        let known: HashSet<_> = self.items.iter().map(Unattended::parts).collect();
        checks.iter().all(|check| known.contains(&check.parts()))
    }
}

/// A hash of many parts, none of which can pass for two, or two for one.
struct Sum(Sha256);

impl Sum {
    fn new() -> Self {
        Self(Sha256::new_with_prefix(MARK))
    }

    fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    fn hexadecimal(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

/// Names bytes by their SHA-256.
pub(super) fn name_of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of the folder that texts name, by path. Words are looked for from the folder itself
/// and from folders that the same text names, as `cd scripts && ./run.sh` has them.
pub(super) fn named<'a>(
    folder: &Folder,
    texts: impl Iterator<Item = &'a str>,
) -> BTreeMap<String, File> {
    let mut found = BTreeMap::new();
    let mut looks = 0;
    let mut known = HashSet::new();
    for text in texts.filter(|text| known.insert(*text)) {
        let words = words(text);
        let mut bases = vec![String::new()];
        for word in &words {
            looks += 1;
            if looks > MAX_LOOKS || bases.len() > MAX_BASES {
                break;
            }
            let path = inside(folder, "", word);
            bases.extend(path.filter(|path| folder.root().join(path).is_dir()));
        }
        for (word, base) in words
            .iter()
            .flat_map(|word| bases.iter().map(move |base| (word, base)))
        {
            looks += 1;
            if looks > MAX_LOOKS || found.len() >= MAX_FILES {
                return found;
            }
            let path = inside(folder, base, word).filter(|path| !found.contains_key(path));
            if let Some(path) = path
                && let Some(file) = folder.file(&path)
                && let Ok(file) = File::open(file)
            {
                found.insert(path, file);
            }
        }
    }
    found
}

/// The path in the folder that a word means, seen from `base`, with its `.` and `..` resolved.
fn inside(folder: &Folder, base: &str, word: &str) -> Option<String> {
    let absolute = Path::new(word).is_absolute();
    let real = absolute
        .then(|| Path::new(word).canonicalize().ok())
        .flatten();
    let own = real
        .as_deref()
        .and_then(|path| path.strip_prefix(folder.root()).ok());
    // What stands before the slash may have been a variable.
    let relative = own.unwrap_or(Path::new(word.trim_start_matches('/')));
    let from = if own.is_some() { "" } else { base };
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    for component in relative.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::ParentDir => {
                parts.pop()?;
            }
            _ => {}
        }
    }
    let path = parts.join("/");
    (!path.is_empty()).then_some(path)
}

/// Adds the files' names and contents to the hash.
fn cover(folder: &Folder, files: &BTreeMap<String, File>, sum: &mut Sum) -> Vec<CoveredFile> {
    let mut left = MAX_ALL_BYTES;
    let cover = |(path, file): (&String, &File)| {
        let limit = left.min(MAX_FILE_BYTES);
        let content = content(file, limit);
        let length = file.metadata().map_or(0, |about| about.len());
        let (digest, bytes) = content.unwrap_or_else(|error| {
            let lab = folder.name();
            tracing::warn!(lab, file = path, %error, "file can't be covered");
            (String::new(), 0)
        });
        left -= bytes.min(left);
        sum.add(path.as_bytes());
        sum.add(&length.to_le_bytes());
        sum.add(digest.as_bytes());
        CoveredFile {
            path: path.clone(),
            whole: bytes == length,
        }
    };
    files.iter().map(cover).collect()
}

/// The hash of the first `limit` bytes of a file, and how many there are.
fn content(file: &File, limit: u64) -> io::Result<(String, u64)> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    let mut rest = file.take(limit);
    loop {
        let count = rest.read(&mut buffer)?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else {
            return Ok((hexadecimal(&digest.finalize()), bytes));
        };
        digest.update(read);
        bytes += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn folder(command: &str, files: &[(&str, &str)]) -> (TempDir, Folder) {
        let temp = tempfile::tempdir().unwrap();
        let command = serde_json::to_string(command).unwrap();
        let config = format!(
            r#"{{"layout": {{"terminals": [{{"id": "host"}}]}},
                "navigation": {{"onLoadCommands": {{"intro": {{"host": [{{"command": {command}}}]}}}}}}}}"#
        );
        let own = [(".katapod_config.json", &*config), ("intro.md", "# Lab\n")];
        for (name, text) in own.iter().chain(files) {
            let path = temp.path().join("lab").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let folder = Folder::open(&temp.path().join("lab")).unwrap();
        (temp, folder)
    }

    fn read(folder: &Folder) -> Listing {
        Listing::read(folder, &folder.describe().config, None).unwrap()
    }

    fn covered(command: &str, files: &[(&str, &str)]) -> Vec<String> {
        let (_temp, folder) = folder(command, files);
        let files = read(&folder).files;
        assert!(files.iter().all(|file| file.whole));
        files.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn files_that_commands_name_are_covered() {
        let files = [
            ("a.sh", "1"),
            ("scripts/b.sh", "2"),
            (".hidden/c.sh", "3"),
            ("log", "4"),
        ];
        let cases: [(&str, &[&str]); 8] = [
            ("./a.sh", &["a.sh"]),
            (
                "bash scripts/../a.sh; sh ./scripts//b.sh",
                &["a.sh", "scripts/b.sh"],
            ),
            ("cd scripts && ./b.sh", &["scripts/b.sh"]),
            ("sh .hidden/c.sh --with=a.sh", &[".hidden/c.sh", "a.sh"]),
            ("\"$PWD/a.sh\"", &["a.sh"]),
            ("ls > log", &[]),
            ("sh ../lab/a.sh ../../etc/passwd /etc/passwd", &[]),
            ("echo hi", &[]),
        ];
        for (command, expected) in cases {
            assert_eq!(covered(command, &files), expected, "{command}");
        }
    }

    #[test]
    fn absolute_path_into_the_folder_is_covered_and_a_link_out_of_it_is_not() {
        let (temp, folder) = folder("./link.sh", &[("a.sh", "1")]);
        fs::write(temp.path().join("out.sh"), "x").unwrap();
        std::os::unix::fs::symlink(temp.path().join("out.sh"), folder.root().join("link.sh"))
            .unwrap();
        assert!(read(&folder).files.is_empty());
        let path = folder.root().join("a.sh");
        let path = path.to_str().unwrap();
        assert_eq!(inside(&folder, "", path).as_deref(), Some("a.sh"));
    }

    #[test]
    fn hash_changes_with_what_runs_and_with_nothing_else() {
        let (_temp, folder) = folder("./a.sh", &[("a.sh", "1"), ("b.sh", "1")]);
        let hash = || read(&folder).hash;
        let write = |name: &str, text: &str| fs::write(folder.root().join(name), text).unwrap();
        let first = hash();
        assert_eq!(first.len(), 64);
        write("intro.md", "# Another page\n\n```\nls\n```\n");
        write("b.sh", "2");
        assert_eq!(hash(), first);
        write("a.sh", "2");
        let second = hash();
        assert_ne!(second, first);
        write("a.sh", "1");
        assert_eq!(hash(), first);
        let check = "```\n### {\"verify\": true, \"verifyOn\": \"open\"}\nls\n```\n";
        write("intro.md", check);
        let third = hash();
        assert_ne!(third, first);
        write("intro.md", &format!("# Moved\n\n{check}"));
        assert_eq!(hash(), third);
        let config = fs::read_to_string(folder.root().join(".katapod_config.json")).unwrap();
        write(".katapod_config.json", &config.replace("./a.sh", "sh a.sh"));
        assert_ne!(hash(), third);
    }

    #[test]
    fn scenario_that_runs_nothing_by_itself_has_no_listing() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("intro.md"), "```\nls\n```\n").unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        assert_eq!(
            Listing::read(&folder, &folder.describe().config, None),
            None
        );
    }

    #[test]
    fn large_file_is_covered_in_part() {
        let (_temp, folder) = folder("cat big", &[]);
        let file = File::create(folder.root().join("big")).unwrap();
        file.set_len(MAX_FILE_BYTES + 1).unwrap();
        let before = read(&folder);
        assert!(!before.files[0].whole);
        file.set_len(MAX_FILE_BYTES + 2).unwrap();
        assert_ne!(read(&folder).hash, before.hash);
    }
}
