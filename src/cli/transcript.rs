//! `katahost transcript`: what was run in a lab, and what came of it.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;

use super::{
    Failure, output,
    place::{self, Place, within},
    visit::visit,
};
use crate::lab::replacement::Replacement;

/// Write down what was run in a running lab, and what came of it
///
/// The transcript is Markdown: by steps, each command with its output. An archive (a name that ends
/// in `.zip`) holds it together with the lab's progress, as JSON, and a recording of each terminal,
/// as asciinema plays it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    katahost transcript                    prints it\n  \
    katahost transcript --out work.md\n  \
    katahost transcript --out work.zip     with the progress and a recording of each terminal\n\n\
    The exit code is 2 if there is no such lab.")]
pub(super) struct Arguments {
    #[command(flatten)]
    place: place::Options,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    visit(&arguments.place, async |place, lab| {
        write(arguments, place, lab).await
    })
}

async fn write(arguments: &Arguments, place: &Place, lab: &str) -> Result<(), Failure> {
    let ending = arguments.out.as_ref().and_then(|path| path.extension());
    let zip = ending.is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
    let path = if zip {
        "transcript.zip"
    } else {
        "transcript.md"
    };
    let fetched = within(place.fetch(lab, path)).await?;
    let Some(path) = &arguments.out else {
        // A reader that has gone away needs nothing more.
        return fetched
            .write_to(|piece| match io::stdout().lock().write_all(piece) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                written => written,
            })
            .await;
    };
    let unwritable = |error: io::Error| {
        let message = format!("`{}` can't be written: {error}", path.display());
        Failure::usage(message, "make room, or give another place with `--out`")
    };
    let mut file = Replacement::beside(path).map_err(unwritable)?;
    fetched.write_to(|piece| file.write_all(piece)).await?;
    file.take_place().map_err(unwritable)?;
    // What was written to a pipe or a device may be read there to its end.
    if path.is_file() {
        output::print(&format!("wrote {}\n", path.display()));
    }
    Ok(())
}
