//! The folder of a scenario: the only way to its files, and none of them outside it.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

use super::look::Trace;
use crate::{
    command::state::ENTRY_STEP,
    scenario::{
        Config, Diagnostic, Page,
        config::{CONFIG_FILE, ConfigFiles, GITPOD_FILE, WAIT_SCRIPT, is_scenario},
    },
};

/// The largest page that is read; a book has fewer letters.
const PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// The largest config that is read.
const CONFIG_BYTES: u64 = 1024 * 1024;

/// How much of the first page is looked at for the scenario's title.
const TITLE_BYTES: u64 = 64 * 1024;

/// What to do about a step that can't be read.
pub(super) const UNREADABLE_HINT: &str = "the step can't be shown until it is repaired";

/// How deep steps are searched for.
const MAX_DEPTH: usize = 8;

/// How many steps a scenario may have; a larger tree is no scenario.
const MAX_STEPS: usize = 2_000;

/// A scenario's folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    name: String,
}

/// Tells a file from what it was: when it was written, and how long it is.
pub(super) type Stamp = (SystemTime, u64);

/// A step that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// There is no such file inside the folder.
    #[error("there is no step `{0}`")]
    Unknown(String),
    /// There is, but it can't be read.
    #[error("the page of step `{step}` can't be read: {reason}")]
    Unreadable {
        /// The step.
        step: String,
        /// Why.
        reason: String,
    },
}

/// What a folder's own files say of it.
#[derive(Debug, Clone)]
pub struct Description {
    /// Whether the original took the folder for a scenario.
    pub is_scenario: bool,
    /// The layout and the on-load commands.
    pub config: Config,
    /// What is wrong with the config.
    pub diagnostics: Vec<Diagnostic>,
}

impl Folder {
    /// Opens a folder.
    ///
    /// # Errors
    ///
    /// It does not exist, is no folder, or may not be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = path.canonicalize()?;
        fs::read_dir(&root)?;
        let name = root
            .file_name()
            .unwrap_or(root.as_os_str())
            .to_string_lossy()
            .into_owned();
        Ok(Self { root, name })
    }

    /// The folder's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it does not exist any more, or can't be entered.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        fs::read_dir(&self.root).is_err()
    }

    /// Reads what the folder's config files say.
    #[must_use]
    pub fn describe(&self) -> Description {
        let read = |name: &str| {
            let path = self.file(name)?;
            read_text(&path, CONFIG_BYTES).ok()
        };
        let (config, gitpod) = (read(CONFIG_FILE), read(GITPOD_FILE));
        let files = ConfigFiles {
            config: config.as_deref(),
            gitpod: gitpod.as_deref(),
            has_wait_script: self.root.join(WAIT_SCRIPT).is_file(),
        };
        let (config, diagnostics) = Config::read(files);
        Description {
            is_scenario: is_scenario(files),
            config,
            diagnostics,
        }
    }

    /// What people call the scenario: the name that its first page gives it, or the folder's.
    #[must_use]
    pub fn title(&self) -> String {
        let head = self.read_head(ENTRY_STEP, TITLE_BYTES).unwrap_or_default();
        if head.is_empty() {
            return self.name.clone();
        }
        let page = Page::parse(ENTRY_STEP, &head, &Config::read(ConfigFiles::default()).0);
        page.scenario_title.unwrap_or(page.title)
    }

    /// Whether there is a config that can be read.
    #[must_use]
    pub fn has_config(&self) -> bool {
        let file = self.file(CONFIG_FILE);
        file.is_some_and(|path| read_text(&path, CONFIG_BYTES).is_ok())
    }

    /// Whether there is an entry page.
    #[must_use]
    pub fn has_intro(&self) -> bool {
        self.file("intro.md").is_some()
    }

    /// The names of all steps: `intro` first, numbers in their order.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        let mut steps = Vec::new();
        collect_steps(&self.root, "", 0, &mut steps);
        steps.sort_by_cached_key(|step| (step != ENTRY_STEP, sort_key(step)));
        steps
    }

    /// Reads the Markdown of a step.
    ///
    /// # Errors
    ///
    /// There is no such step inside the folder, or it can't be read.
    pub fn read_step(&self, step: &str) -> Result<String, StepError> {
        let file = self.step_file(step);
        let file = file.ok_or_else(|| StepError::Unknown(step.to_owned()))?;
        read_text(&file, PAGE_BYTES).map_err(|error| StepError::Unreadable {
            step: step.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Reads the first bytes of a step, where it can be read.
    pub(super) fn read_head(&self, step: &str, bytes: u64) -> Option<String> {
        let mut head = Vec::new();
        let file = File::open(self.step_file(step)?).ok()?;
        file.take(bytes).read_to_end(&mut head).ok()?;
        Some(String::from_utf8_lossy(&head).into_owned())
    }

    /// Changes when a step's file does.
    pub(super) fn stamp(&self, step: &str) -> Option<Stamp> {
        let about = fs::metadata(self.step_file(step)?).ok()?;
        Some((about.modified().ok()?, about.len()))
    }

    /// A file that the scenario is made of: its configs, or one that pages may show.
    pub(super) fn part(&self, path: &str) -> Option<PathBuf> {
        let config = [CONFIG_FILE, GITPOD_FILE].contains(&path);
        if config {
            self.file(path)
        } else {
            self.asset(path)
        }
    }

    /// How a file inside the folder looks, where there is one.
    pub(super) fn trace(&self, path: &str) -> Option<Trace> {
        let about = fs::metadata(self.file(path)?).ok()?;
        Some(Trace::from(&about))
    }

    fn step_file(&self, step: &str) -> Option<PathBuf> {
        let step = Some(step).filter(|step| is_step(step))?;
        self.file(&format!("{step}.md"))
    }

    /// A file that pages may show: inside the folder, links followed, and not hidden.
    #[must_use]
    pub fn asset(&self, path: &str) -> Option<PathBuf> {
        let hidden = path.split('/').any(|part| part.starts_with('.'));
        if hidden { None } else { self.file(path) }
    }

    /// A file inside the folder. Links are followed and must not lead out of it.
    pub(super) fn file(&self, path: &str) -> Option<PathBuf> {
        let relative = Path::new(path);
        let plain = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !plain || path.is_empty() || path.contains(['\\', '\0']) {
            return None;
        }
        let file = self.root.join(relative).canonicalize().ok()?;
        (file.starts_with(&self.root) && file.is_file()).then_some(file)
    }
}

/// Adds the steps below `folder`. Hidden folders and installed packages hold no steps.
fn collect_steps(folder: &Path, prefix: &str, depth: usize, steps: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if name.starts_with('.') || steps.len() >= MAX_STEPS {
            continue;
        }
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && name != "node_modules" && depth < MAX_DEPTH {
            collect_steps(&entry.path(), &format!("{prefix}{name}/"), depth + 1, steps);
        } else if let Some(step) = name.strip_suffix(".md")
            && is_step(step)
            && entry.path().is_file()
        {
            steps.push(format!("{prefix}{step}"));
        }
    }
}

/// Whether a Markdown file of that name is a step: a `README.md` is about the folder.
fn is_step(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    !file.eq_ignore_ascii_case("readme")
}

/// Orders `step2` before `step10`: numbers compare by length first, zeros apart.
fn sort_key(step: &str) -> Vec<(usize, String)> {
    let mut parts: Vec<(usize, String)> = Vec::new();
    let mut in_number = false;
    for letter in step.chars() {
        let digit = letter.is_ascii_digit();
        match parts.last_mut() {
            Some((length, part)) if digit == in_number => {
                part.push(letter);
                *length += usize::from(digit);
            }
            _ => parts.push((usize::from(digit), letter.to_string())),
        }
        in_number = digit;
    }
    parts
}

/// Reads a text file; bytes that are not UTF-8 become U+FFFD. A byte order mark stays: the original
/// took the first line of such a page for text (`scenario::page`).
fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let length = fs::metadata(path)?.len();
    if length > limit {
        let mebibytes = length.div_ceil(1 << 20);
        let limit = limit >> 20;
        let message = format!("it has {mebibytes} MiB, and {limit} MiB is the limit");
        return Err(io::Error::other(message));
    }
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[&str]) -> (tempfile::TempDir, Folder) {
        let temp = tempfile::tempdir().unwrap();
        for file in files {
            let path = temp.path().join("lab").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("# {file}")).unwrap();
        }
        let folder = Folder::open(&temp.path().join("lab")).unwrap();
        (temp, folder)
    }

    #[test]
    fn steps_are_markdown_files_in_the_order_of_their_numbers() {
        let (_temp, folder) = folder_with(&[
            "step10.md",
            "step2.md",
            "intro.md",
            "README.md",
            "notes.txt",
            "sub/step1.md",
            ".git/x.md",
            "node_modules/x/y.md",
        ]);
        assert_eq!(folder.steps(), ["intro", "step2", "step10", "sub/step1"]);
        assert!(folder.read_step("sub/step1").is_ok());
    }

    #[test]
    fn step_outside_the_folder_is_unknown() {
        let (temp, folder) = folder_with(&["intro.md"]);
        fs::write(temp.path().join("secret.md"), "secret").unwrap();
        let absolute = temp.path().join("secret");
        for step in [
            "../secret",
            "x/../../secret",
            absolute.to_str().unwrap(),
            "",
            "./intro",
        ] {
            assert_eq!(
                folder.read_step(step),
                Err(StepError::Unknown(step.to_owned()))
            );
        }
    }

    #[test]
    fn link_out_of_the_folder_is_not_followed() {
        let (temp, folder) = folder_with(&["intro.md"]);
        fs::write(temp.path().join("secret.png"), "secret").unwrap();
        std::os::unix::fs::symlink(temp.path().join("secret.png"), folder.root().join("a.png"))
            .unwrap();
        assert_eq!(folder.asset("a.png"), None);
    }

    #[test]
    fn hidden_files_are_no_assets() {
        let (_temp, folder) = folder_with(&[".env", ".git/config", "images/a.png"]);
        assert_eq!(folder.asset(".env"), None);
        assert_eq!(folder.asset(".git/config"), None);
        assert!(folder.asset("images/a.png").is_some());
    }

    #[test]
    fn huge_page_is_refused_with_its_size() {
        let (_temp, folder) = folder_with(&["intro.md"]);
        fs::write(folder.root().join("big.md"), vec![b'x'; 5_000_000]).unwrap();
        let error = folder.read_step("big").unwrap_err().to_string();
        assert_eq!(
            error,
            "the page of step `big` can't be read: it has 5 MiB, and 4 MiB is the limit"
        );
    }

    #[test]
    fn page_that_is_not_utf8_is_decoded() {
        let (_temp, folder) = folder_with(&["intro.md"]);
        fs::write(folder.root().join("latin.md"), b"d\xe9j\xe0").unwrap();
        assert_eq!(folder.read_step("latin").unwrap(), "d\u{fffd}j\u{fffd}");
    }
}
