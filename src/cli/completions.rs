//! `katahost completions` and `katahost man`: what the shell and the manual know of the program.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Failure, output};

/// Print a script that completes katahost's arguments in a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    katahost completions bash > ~/.local/share/bash-completion/completions/katahost\n  \
    katahost completions fish > ~/.config/fish/completions/katahost.fish")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

/// Print the manual page, as `man` reads it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  katahost man | man -l -")]
pub(super) struct Manual {}

pub(super) fn completions(arguments: &Completions) {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "katahost",
        &mut script,
    );
    output::print(&String::from_utf8_lossy(&script));
}

/// Prints the manual page of the program, with a page for each subcommand behind it.
pub(super) fn manual() -> Result<(), Failure> {
    let mut page = Vec::new();
    let broken = |error: std::io::Error| Failure::broken(error.to_string());
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(broken)?;
    for subcommand in command.get_subcommands() {
        let name = subcommand.get_name().to_uppercase();
        page.extend(format!(".SH \"KATAHOST {name}\"\n").bytes());
        let manual = clap_mangen::Man::new(subcommand.clone());
        manual.render_synopsis_section(&mut page).map_err(broken)?;
        manual
            .render_description_section(&mut page)
            .map_err(broken)?;
        manual.render_options_section(&mut page).map_err(broken)?;
    }
    output::print(&String::from_utf8_lossy(&page));
    Ok(())
}
