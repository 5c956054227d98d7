//! `katahost export`: a lab as one file.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, Outcome, output, report};
use crate::{
    lab::{
        Library, Scan,
        archive::{is_archive, pack},
    },
    scenario::Severity,
};

/// Write a lab into one file, which `katahost serve` runs anywhere
///
/// The file holds the pages, the config, and all files beside them that are not hidden. A lab with
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
    let packed = pack(folder, &out).map_err(|error| {
        let message = format!("`{}` can't be written: {error}", out.display());
        Failure::usage(message, "make room, or give another place with `--out`")
    })?;
    let kilobytes = packed.bytes.div_ceil(1_000);
    let files = match packed.files {
        1 => "1 file".to_owned(),
        many => format!("{many} files"),
    };
    let out = out.display();
    output::print(&format!(
        "wrote {out}: {files}, {kilobytes} kB; `katahost serve {out}` runs it\n"
    ));
    Ok(Outcome::Done)
}
