//! `katahost new`: a scenario to start from.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use rust_embed::RustEmbed;

use super::{Failure, output};

/// What a repository has that was just made.
const FRESH: [&str; 8] = [
    ".git",
    ".gitignore",
    ".gitattributes",
    "README",
    "README.md",
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
];

/// Where the workflow lies in the lab, and where GitHub reads it in a repository.
const WORKFLOW: &str = ".github/workflows/lab.yml";

/// What Markdown reads as more than a letter.
const MARKUP: &str = r"\`*_[]<>&#{}!|~";

#[derive(RustEmbed)]
#[folder = "src/cli/new/template"]
struct Template;

/// Make a lab to start from: pages, a config, an image, and a workflow that checks it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    katahost new my-lab\n  \
    katahost new labs/backup --title \"Back up and restore\"")]
pub(super) struct Arguments {
    /// The folder to make; its name is the lab's address
    path: PathBuf,
    /// What the lab is called [default: the folder's name]
    #[arg(long)]
    title: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.path;
    // `.` has its name from where it is.
    let real = path.canonicalize();
    let named = real.as_deref().unwrap_or(path);
    let folder = named
        .file_name()
        .and_then(|name| name.to_str())
        .filter(|name| !name.starts_with('.') && !name.contains(char::is_control))
        .ok_or_else(|| {
            let message = format!("`{}` is no name for a lab", path.display());
            Failure::usage(message, "give the name of a folder, such as `my-lab`")
        })?;
    let title = arguments.title.clone().unwrap_or_else(|| title_of(folder));
    if title.trim().is_empty() || title.contains(char::is_control) {
        return Err(Failure::usage(
            "the title is no line of text",
            "give a few words with `--title`, or leave it out",
        ));
    }
    if is_taken(path) {
        return Err(Failure::usage(
            format!(
                "`{}` exists, and nothing is written over it",
                path.display()
            ),
            "give another name, or remove it first",
        ));
    }
    let failed = |error: io::Error| {
        let message = format!("the lab can't be written to `{}`: {error}", path.display());
        Failure::usage(message, "choose a folder that you may write to")
    };
    write(path, title.trim(), folder).map_err(failed)?;
    let shown = path.display();
    output::print(&format!(
        "made the lab `{shown}`\n\n\
         \x20   katahost --author --open {shown}    what you save appears in the browser at once\n\
         \x20   katahost check {shown}              its mistakes, each with its line\n\
         \x20   katahost test {shown}               plays it, and judges each block\n"
    ));
    if let Some(root) = repository(path) {
        let (from, to) = (path.join(WORKFLOW), root.join(WORKFLOW));
        output::print(&format!(
            "\nGitHub reads workflows at the top of a repository only: move `{}` to `{}`, and \
             change its paths to this folder\n",
            from.display(),
            to.display()
        ));
    }
    Ok(())
}

/// Whether there is something that must not be lost, or that the lab's own files would clash with.
/// What a new repository is cloned with is neither.
fn is_taken(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.any(|entry| {
            let name = entry.map(|entry| entry.file_name()).unwrap_or_default();
            !FRESH.iter().any(|fresh| name.eq_ignore_ascii_case(fresh))
        }),
        // What can't be read may be anything.
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// The repository that the folder is a part of without being its root.
fn repository(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok()?;
    let root = path.ancestors().find(|above| above.join(".git").exists())?;
    (root != path).then(|| root.to_owned())
}

fn write(root: &Path, title: &str, folder: &str) -> io::Result<()> {
    fs::create_dir_all(root)?;
    for name in Template::iter() {
        let Some(file) = Template::get(&name) else {
            continue;
        };
        let target = root.join(&*name);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        let text = String::from_utf8_lossy(&file.data)
            .replace("{{title}}", &escape(title))
            .replace("{{folder}}", folder)
            .replace("{{version}}", env!("CARGO_PKG_VERSION"));
        let file = OpenOptions::new().write(true).create_new(true).open(target);
        match file {
            Ok(mut file) => file.write_all(text.as_bytes())?,
            // A repository's own stays.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A folder's name as people would write it: `my-first_lab` is `My first lab`.
fn title_of(folder: &str) -> String {
    let words = folder.replace(['-', '_'], " ");
    let mut letters = words.trim().chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let title: String = first.chain(letters).collect();
    if title.is_empty() {
        folder.to_owned()
    } else {
        title
    }
}

/// The text in Markdown, as it is.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if MARKUP.contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_gives_a_title() {
        for (folder, title) in [("my-first_lab", "My first lab"), ("éa", "Éa"), ("--", "--")] {
            assert_eq!(title_of(folder), title);
        }
    }
}
