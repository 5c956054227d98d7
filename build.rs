//! Builds the front end, so that every binary carries it; see `web/build.mjs`.
//!
//! Where the files come from, the first that applies:
//!
//! 1. the folder that `KATAHOST_WEB_DIST` names;
//! 2. `web/dist`, in a packaged crate, which has no `web/src`;
//! 3. `npm ci` (when the lock file changed) and the front end's own build, into `OUT_DIR`.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const DIST_VARIABLE: &str = "KATAHOST_WEB_DIST";
const PAGES: [&str; 3] = ["lab.html", "start.html", "message.html"];
const INPUTS: [&str; 9] = [
    "src",
    "lab.html",
    "start.html",
    "message.html",
    "build.mjs",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    ".npmrc",
];
const CAUSE_LINES: usize = 6;
const REMEDIES: &str = "install Node.js 20 or later with npm, or build the front end elsewhere \
    (`npm ci && npm run build` in web/) and name its folder in KATAHOST_WEB_DIST";

fn main() -> ExitCode {
    match front_end() {
        Ok(dist) => {
            let line = format!("cargo::rustc-env={DIST_VARIABLE}={}\n", dist.display());
            tell(&line)
        }
        Err(problem) => tell(&format!("cargo::error={}\n", problem.replace('\n', " "))),
    }
}

/// Prints a line for Cargo.
fn tell(line: &str) -> ExitCode {
    match io::stdout().write_all(line.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn front_end() -> Result<PathBuf, String> {
    let web = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("web");
    let out = PathBuf::from(variable("OUT_DIR")?).join("web");
    tell("cargo::rerun-if-changed=build.rs\n");
    tell(&format!("cargo::rerun-if-env-changed={DIST_VARIABLE}\n"));
    tell("cargo::rerun-if-env-changed=DOCS_RS\n");
    if let Some(given) = env::var_os(DIST_VARIABLE).filter(|value| !value.is_empty()) {
        let given = fs::canonicalize(&given)
            .map_err(|error| format!("{DIST_VARIABLE}={}: {error}", given.display()))?;
        tell(&format!("cargo::rerun-if-changed={}\n", given.display()));
        return complete(given);
    }
    if env::var_os("DOCS_RS").is_some() {
        return stub(out);
    }
    if !web.join("src").exists() {
        return complete(web.join("dist"));
    }
    for input in INPUTS {
        let input = web.join(input);
        tell(&format!("cargo::rerun-if-changed={}\n", input.display()));
    }
    install(&web)?;
    let mut build = Command::new("node");
    build
        .arg("build.mjs")
        .arg("--out")
        .arg(&out)
        .current_dir(&web);
    run(build)?;
    complete(out)
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

/// Checks that a folder holds a front end, and not half of one.
fn complete(dist: PathBuf) -> Result<PathBuf, String> {
    match PAGES.iter().find(|page| !dist.join(page).is_file()) {
        None => Ok(dist),
        Some(page) => Err(format!(
            "no front end in {}: {page} is missing; {REMEDIES}",
            dist.display()
        )),
    }
}

/// Makes pages that say nothing, for documentation builds without network.
fn stub(out: PathBuf) -> Result<PathBuf, String> {
    fs::create_dir_all(&out).map_err(|error| error.to_string())?;
    for page in PAGES {
        fs::write(out.join(page), "<!doctype html>\n").map_err(|error| error.to_string())?;
    }
    Ok(out)
}

/// Installs the npm packages, where the lock file is not the one they were installed from.
fn install(web: &Path) -> Result<(), String> {
    let stamp = web.join("node_modules/.katahost-stamp");
    let lock = fs::read(web.join("package-lock.json"))
        .map_err(|error| format!("web/package-lock.json: {error}"))?;
    if fs::read(&stamp).is_ok_and(|stamped| stamped == lock) {
        return Ok(());
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut command = Command::new(npm);
    // No package of ours needs its install scripts; esbuild's program is a package of its own.
    command
        .args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ])
        .current_dir(web);
    run(command)?;
    fs::write(&stamp, lock).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn run(mut command: Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("the front end needs `{name}` ({error}); {REMEDIES}"))?;
    if output.status.success() {
        return Ok(());
    }
    // npm says the cause first, and then a page of usage.
    let said = String::from_utf8_lossy(&output.stderr);
    let cause: Vec<_> = said.lines().take(CAUSE_LINES).map(str::trim).collect();
    Err(format!(
        "the front end could not be built, `{name}` ended with {}: {}; {REMEDIES}",
        output.status,
        cause.join(" ")
    ))
}
