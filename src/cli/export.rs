//! `katahost export`: a lab as one file.

use std::path::PathBuf;

use clap::Args;

use super::{
    Failure, Outcome,
    output::{self, count},
    report,
};
use crate::{
    lab::{
        Library, Scan,
        archive::{is_archive, pack},
    },
    scenario::Severity,
};

/// How many hidden files are named.
const SHOWN_HIDDEN: usize = 10;

/// Write a lab into one file, which `katahost serve` runs anywhere
///
/// The file holds the pages, the config, all files beside them that are not hidden, and those hidden
/// ones that a block which runs, or an on-load command, names; but no `.env` files. A lab with
/// errors, as `katahost check` finds them, is not exported. Equal labs give equal files.
///
/// The exit code is 1 where the lab has errors.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    katahost export my-lab                   writes my-lab.zip\n  \
    katahost export . --out /media/stick/lab.zip\n  \
    katahost serve lab.zip                   runs it")]
pub(super) struct Arguments {
    /// The lab's folder
    path: PathBuf,
    /// The file to write [default: the lab's name with `.zip`, in this folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Export a lab with errors as well
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let library = Library::open(&arguments.path)
        .map_err(|error| Failure::usage(error.to_string(), "name a lab's folder"))?;
    let folder = library.single().ok_or_else(|| {
        let message = format!("`{}` holds several labs", arguments.path.display());
        Failure::usage(message, "name the folder of one of them")
    })?;
    let own_name = || PathBuf::from(format!("{}.zip", folder.name()));
    let out = arguments.out.clone().unwrap_or_else(own_name);
    if out.exists() && !is_archive(&out) {
        return Err(Failure::usage(
            format!(
                "`{}` exists, and is no archive to be replaced",
                out.display()
            ),
            "give another name with `--out`",
        ));
    }
    let scan = Scan::new(folder);
    let mut errors = scan.diagnostics.clone();
    errors.retain(|found| found.severity == Severity::Error);
    for found in &errors {
        let text = report::render(found, "", scan.source(&found.file));
        output::print(&(text + "\n"));
    }
    if !errors.is_empty() && !arguments.force {
        output::error(
            "a lab with errors is not exported",
            Some("mend it, or export it as it is with `--force`"),
        );
        return Ok(Outcome::Faults);
    }
    let hidden = scan.hidden(folder);
    let packed = pack(folder, &hidden.named, &out).map_err(|error| {
        let message = format!("`{}` can't be written: {error}", out.display());
        Failure::usage(message, error.hint())
    })?;
    let kilobytes = packed.bytes.div_ceil(1_000);
    let files = count(packed.files, "file");
    let out = out.display();
    output::print(&format!(
        "wrote {out}: {files}, {kilobytes} kB; `katahost serve {out}` runs it\n"
    ));
    tell_hidden(
        "hidden, and packed as the lab's commands name it",
        &hidden.named,
    );
    tell_hidden(
        "hidden, and left out as it usually holds secrets",
        &hidden.secret,
    );
    tell_hidden("hidden, and otherwise left out", &hidden.others);
    Ok(Outcome::Done)
}

/// Says what became of hidden files: they may be needed, and they may be secrets.
fn tell_hidden(what: &str, paths: &[String]) {
    let (shown, more) = paths.split_at(paths.len().min(SHOWN_HIDDEN));
    if shown.is_empty() {
        return;
    }
    let more = match more.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    output::print(&format!("{what}: `{}`{more}\n", shown.join("`, `")));
}
