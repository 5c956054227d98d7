//! The scenarios that a path offers: the folder itself, or the folders in it.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::Folder;

/// How many folders of a library are looked at.
const MAX_SCENARIOS: usize = 1_000;

/// Scenarios that are served together, each under its own name.
#[derive(Debug, Clone)]
pub struct Library {
    scenarios: Vec<Folder>,
    /// Whether the path itself is the one scenario.
    single: bool,
}

/// A path that offers nothing to serve.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The path can't be opened.
    #[error("`{}` can't be opened: {}", path.display(), why(source))]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no step in it.
    #[error("there is no step in `{}`", path.display())]
    Empty {
        /// The path.
        path: PathBuf,
    },
}

impl LibraryError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => {
                "name a lab's folder, or a file that `katahost export` wrote"
            }
            Self::Empty { .. } => {
                "a scenario's folder holds an `intro.md`; name such a folder, or one that holds some"
            }
        }
    }
}

/// Why a path can't be opened, in plainer words than the system's.
fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::NotADirectory => "it is no folder, and no archive of a lab".to_owned(),
        _ => error.to_string(),
    }
}

impl Library {
    /// Finds the scenarios of `path`.
    ///
    /// # Errors
    ///
    /// The path can't be opened, or holds no step.
    pub fn open(path: &Path) -> Result<Self, LibraryError> {
        let unreadable = |source| LibraryError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let folder = Folder::open(path).map_err(unreadable)?;
        if looks_like_scenario(&folder) {
            return Self::one(folder, path);
        }
        let inner = scenarios_in(folder.root());
        if inner.is_empty() {
            return Self::one(folder, path);
        }
        Ok(Self {
            scenarios: inner,
            single: false,
        })
    }

    fn one(folder: Folder, path: &Path) -> Result<Self, LibraryError> {
        if folder.steps().is_empty() {
            return Err(LibraryError::Empty {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            scenarios: vec![folder],
            single: true,
        })
    }

    /// All scenarios, by name.
    #[must_use]
    pub fn scenarios(&self) -> &[Folder] {
        &self.scenarios
    }

    /// The scenario of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Folder> {
        self.scenarios.iter().find(|folder| folder.name() == name)
    }

    /// The one scenario, where the path was a scenario's own folder.
    #[must_use]
    pub fn single(&self) -> Option<&Folder> {
        self.scenarios.first().filter(|_| self.single)
    }
}

fn looks_like_scenario(folder: &Folder) -> bool {
    folder.has_intro() || folder.describe().is_scenario
}

/// The scenarios directly inside a folder, by name.
fn scenarios_in(root: &Path) -> Vec<Folder> {
    let Ok(entries) = std::fs::read_dir(root) else {
        return Vec::new();
    };
    let mut scenarios: Vec<Folder> = entries
        .flatten()
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .take(MAX_SCENARIOS)
        .filter_map(|entry| Folder::open(&entry.path()).ok())
        .filter(|folder| looks_like_scenario(folder) && !folder.steps().is_empty())
        .collect();
    scenarios.sort_by(|one, other| one.name().cmp(other.name()));
    scenarios.dedup_by(|one, other| one.name() == other.name());
    scenarios
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "# Title").unwrap();
        }
    }

    #[test]
    fn folder_with_an_intro_is_one_scenario() {
        let temp = tempfile::tempdir().unwrap();
        write(temp.path(), &["intro.md", "inner/intro.md"]);
        assert!(Library::open(temp.path()).unwrap().single().is_some());
    }

    #[test]
    fn folder_of_scenarios_lists_them_by_name() {
        let temp = tempfile::tempdir().unwrap();
        write(
            temp.path(),
            &["b/intro.md", "a/intro.md", "README.md", "docs/guide.md"],
        );
        let library = Library::open(temp.path()).unwrap();
        let names: Vec<&str> = library.scenarios().iter().map(Folder::name).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(library.single().is_none());
    }

    #[test]
    fn folder_without_a_step_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        write(temp.path(), &["README.md", "notes.txt"]);
        assert!(matches!(
            Library::open(temp.path()),
            Err(LibraryError::Empty { .. })
        ));
    }

    #[test]
    fn missing_folder_is_refused() {
        let error = Library::open(Path::new("/no/such/folder")).unwrap_err();
        let wanted = "`/no/such/folder` can't be opened: there is no such file or folder";
        assert_eq!(error.to_string(), wanted);
        let error = Library::open(Path::new("/dev/null")).unwrap_err();
        let wanted = "`/dev/null` can't be opened: it is no folder, and no archive of a lab";
        assert_eq!(error.to_string(), wanted);
    }
}
