//! What a user has let scenarios run by themselves, kept over the program's runs.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{DirBuilder, File},
    io::{self, Read, Write},
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::listing::name_of;

/// The largest file that is read for an answer; ours are shorter by far.
const MAX_BYTES: u64 = 64 * 1024;

/// The answers of a user: one small file per scenario, in a folder that is the user's alone.
#[derive(Debug, Clone)]
pub struct Answers {
    /// Where they are kept; without it, only for as long as the program runs.
    folder: Option<PathBuf>,
    /// The archive that the scenarios were unpacked from: their own folder has another name each
    /// time.
    archive: Option<PathBuf>,
    given: Arc<Mutex<HashMap<PathBuf, String>>>,
}

/// An answer, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    /// The scenario's path, for people who look.
    scenario: String,
    /// The hash of what it may run.
    hash: String,
}

impl Answers {
    /// Keeps answers in `folder`, which is made when there is one to keep.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            archive: None,
            given: Arc::default(),
        }
    }

    /// The same, for scenarios that were unpacked from the archive at this path.
    #[must_use]
    pub fn for_archive(self, path: &Path) -> Self {
        let archive = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Self {
            archive: Some(archive),
            ..self
        }
    }

    /// Whether the scenario in the folder `root` may run what that hash stands for.
    pub(super) fn have(&self, root: &Path, hash: &str) -> bool {
        let scenario = self.key(root);
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.get(&scenario).is_some_and(|known| known == hash) {
            return true;
        }
        drop(given);
        self.file(&scenario).is_some_and(|file| match read(&file) {
            Ok(answer) => answer.is_some_and(|answer| answer.hash == hash),
            Err(error) => {
                let file = file.display();
                tracing::warn!(%file, %error, "kept answer can't be read; it is asked again");
                false
            }
        })
    }

    /// Notes that it may.
    pub(super) fn keep(&self, root: &Path, hash: &str) {
        let scenario = self.key(root);
        let Some(file) = self.file(&scenario) else {
            tracing::warn!("there is no folder to keep the answer in; it holds for this run only");
            self.remember(scenario, hash);
            return;
        };
        let answer = Answer {
            scenario: scenario.to_string_lossy().into_owned(),
            hash: hash.to_owned(),
        };
        if let Err(error) = write(&file, &answer) {
            let file = file.display();
            tracing::warn!(%file, %error, "answer can't be kept; it holds for this run only");
        }
        self.remember(scenario, hash);
    }

    fn remember(&self, scenario: PathBuf, hash: &str) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.insert(scenario, hash.to_owned());
    }

    /// What the scenario in a folder is known by.
    fn key(&self, root: &Path) -> PathBuf {
        match &self.archive {
            Some(archive) => archive.join(root.file_name().unwrap_or(OsStr::new("lab"))),
            None => root.to_owned(),
        }
    }

    fn file(&self, scenario: &Path) -> Option<PathBuf> {
        let name = name_of(scenario.as_os_str().as_bytes());
        Some(self.folder.as_ref()?.join(format!("{name}.json")))
    }
}

/// Reads a kept answer, where there is one.
fn read(file: &Path) -> io::Result<Option<Answer>> {
    let file = match File::open(file) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text)?;
    Ok(Some(serde_json::from_slice(&text)?))
}

/// Writes an answer as a whole or not at all.
fn write(file: &Path, answer: &Answer) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut text = serde_json::to_vec(answer)?;
    text.push(b'\n');
    let mut temp = tempfile::NamedTempFile::new_in(folder)?;
    temp.write_all(&text)?;
    temp.persist(file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn answer_is_kept_for_its_scenario_and_hash() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("state/katahost/trust");
        let (one, other) = (Path::new("/labs/one"), Path::new("/labs/other"));
        Answers::new(Some(folder.clone())).keep(one, "abc");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&folder), mode(folder.parent().unwrap())),
            (0o700, 0o700)
        );
        let later = Answers::new(Some(folder.clone()));
        assert!(later.have(one, "abc"));
        assert!(!later.have(one, "xyz") && !later.have(other, "abc"));
        later.keep(one, "xyz");
        let later = Answers::new(Some(folder));
        assert!(later.have(one, "xyz") && !later.have(one, "abc"));
    }

    #[test]
    fn answer_holds_for_the_run_where_it_can_not_be_kept() {
        let temp = tempfile::tempdir().unwrap();
        let blocked = temp.path().join("file");
        fs::write(&blocked, "").unwrap();
        let root = Path::new("/labs/one");
        for folder in [None, Some(blocked.join("trust"))] {
            let answers = Answers::new(folder.clone());
            assert!(!answers.have(root, "abc"));
            answers.keep(root, "abc");
            assert!(answers.clone().have(root, "abc"));
            assert!(!Answers::new(folder).have(root, "abc"));
        }
    }

    #[test]
    fn broken_file_is_no_answer_and_is_mended() {
        let temp = tempfile::tempdir().unwrap();
        let root = Path::new("/labs/one");
        let answers = || Answers::new(Some(temp.path().to_owned()));
        answers().keep(root, "abc");
        let file = answers().file(root).unwrap();
        for broken in ["", "{", "[]", "\u{0}"] {
            fs::write(&file, broken).unwrap();
            assert!(!answers().have(root, "abc"), "{broken:?}");
        }
        answers().keep(root, "abc");
        assert!(answers().have(root, "abc"));
    }

    #[test]
    fn archive_is_known_by_its_own_path() {
        let temp = tempfile::tempdir().unwrap();
        let answers = || Answers::new(Some(temp.path().to_owned()));
        let archived = || answers().for_archive(Path::new("/media/lab.zip"));
        archived().keep(Path::new("/tmp/katahost-1/lab"), "abc");
        assert!(archived().have(Path::new("/tmp/katahost-2/lab"), "abc"));
        assert!(!archived().have(Path::new("/tmp/katahost-2/other"), "abc"));
        assert!(!answers().have(Path::new("/tmp/katahost-1/lab"), "abc"));
    }
}
