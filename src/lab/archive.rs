//! A scenario as one file: packing its folder into a ZIP archive, and unpacking one for a while.
//!
//! An archive may come from anywhere. Whatever in it could reach out of its own folder, or fill the
//! disk, is refused as a whole and by name.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use zip::{
    CompressionMethod, DateTime, ZipArchive, ZipWriter, read::ZipFile, result::ZipError,
    write::SimpleFileOptions,
};

use super::{folder::Folder, scan::files};
use crate::scenario::config::{CONFIG_FILE, GITPOD_FILE};

/// How much all files of an archive may have together, packed or unpacked.
pub const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// How many files an archive may have, as many as are looked for in a folder.
pub const MAX_ENTRIES: usize = 20_000;

/// How long the path of a file may be; systems allow little more.
const MAX_PATH_BYTES: usize = 1_024;

/// The hidden files that a scenario is made of.
pub(super) const CONFIGS: [&str; 2] = [CONFIG_FILE, GITPOD_FILE];

/// With what a ZIP archive begins, or one without a file in it.
const MAGIC: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// With what each entry of an archive's list begins, and how long that is without the names.
const ENTRY_MAGIC: &[u8] = b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;

/// What is wrong with a name.
const NOT_PLAIN: &str = "is no plain path";
const TWICE: &str = "is in the archive twice";

/// What a lab is called whose folder has no name that can be used.
const UNNAMED: &str = "lab";

/// What macOS adds to archives beside the files.
const ATTRIBUTES: &str = "__MACOSX/";

/// The bits of a file's mode that say what it is, and what they say of a link, a folder and a file.
const TYPE_BITS: u32 = 0o170_000;
const PLAIN_TYPES: [u32; 3] = [0, 0o040_000, 0o100_000];

/// Why a scenario can't be packed, or an archive not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive, or a file of it, can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A file of the scenario can't be read.
    #[error("`{path}` can't be read: {source}")]
    Unreadable {
        /// Its path in the scenario.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is no ZIP archive, or a damaged one.
    #[error("it can't be read as a ZIP archive: {0}")]
    Damaged(ZipError),
    /// Something in it is not what a scenario holds.
    #[error("`{name}` {reason}")]
    Refused {
        /// The entry's name, made readable.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It is larger than any scenario.
    #[error("it holds more than {} MiB, which is the limit", MAX_BYTES >> 20)]
    TooLarge,
    /// It has more files than any scenario.
    #[error("it holds {MAX_ENTRIES} files or more, which is the limit")]
    TooMany,
}

impl ArchiveError {
    /// What to do where a scenario can't be packed.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io(_) | Self::Damaged(_) => "make room, or give another place with `--out`",
            Self::Unreadable { .. } => "make it readable for you, or move it out of the folder",
            Self::Refused { .. } => "give it another name",
            Self::TooLarge | Self::TooMany => "move what is no part of the lab out of its folder",
        }
    }
}

impl From<ZipError> for ArchiveError {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => Self::Io(error),
            other => Self::Damaged(other),
        }
    }
}

/// Whether a file is a ZIP archive, as far as its beginning tells.
#[must_use]
pub fn is_archive(path: &Path) -> bool {
    let mut start = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    path.is_file() && read.is_ok() && MAGIC.contains(&&start[..])
}

/// What was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// How many files.
    pub files: usize,
    /// How large the archive is.
    pub bytes: u64,
}

/// Packs what a lab of `folder` may serve, and the files `hidden`, into an archive at `target`, which
/// is replaced as a whole or not at all. Equal folders give equal archives.
///
/// # Errors
///
/// A file can't be read, the archive can't be written, or it would be too large to be unpacked.
pub fn pack(folder: &Folder, hidden: &[String], target: &Path) -> Result<Packed, ArchiveError> {
    let beside = target
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let mut archive = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(beside.unwrap_or(Path::new(".")))?;
    let old = target.canonicalize().ok();
    let mut paths = files(folder);
    if paths.len() >= MAX_ENTRIES {
        return Err(ArchiveError::TooMany);
    }
    paths.extend(CONFIGS.map(str::to_owned));
    paths.extend_from_slice(hidden);
    paths.sort();
    let mut writer = ZipWriter::new(archive.as_file_mut());
    let (mut count, mut bytes) = (0, 0);
    let top = Some(folder.name()).filter(|name| is_plain(name));
    let top = top.unwrap_or(UNNAMED);
    for path in paths {
        // An earlier archive in the folder is no part of the scenario.
        let Some(file) = folder.file(&path).filter(|file| Some(file) != old.as_ref()) else {
            continue;
        };
        let source = File::open(file).map_err(|source| ArchiveError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let executable = source.metadata()?.permissions().mode() & 0o111 != 0;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(if executable { 0o755 } else { 0o644 });
        let name = format!("{top}/{path}");
        if name.len() > MAX_PATH_BYTES || !path.split('/').all(is_plain) {
            return Err(ArchiveError::Refused {
                name: readable(&name),
                reason: NOT_PLAIN,
            });
        }
        writer.start_file(name, options)?;
        bytes += io::copy(&mut source.take(MAX_BYTES + 1 - bytes), &mut writer)?;
        if bytes > MAX_BYTES {
            return Err(ArchiveError::TooLarge);
        }
        count += 1;
    }
    writer.finish()?;
    let bytes = archive.as_file().metadata()?.len();
    archive.persist(target).map_err(|error| error.error)?;
    Ok(Packed {
        files: count,
        bytes,
    })
}

/// An archive in a private folder, which is removed when this is dropped.
#[derive(Debug)]
pub struct Unpacked {
    _temp: TempDir,
    path: PathBuf,
}

impl Unpacked {
    /// Unpacks the archive at `path`.
    ///
    /// # Errors
    ///
    /// It can't be read, or something in it is refused; then nothing of it stays.
    pub fn new(path: &Path) -> Result<Self, ArchiveError> {
        let mut file = BufReader::new(File::open(path)?);
        if file.get_ref().metadata()?.len() > MAX_BYTES {
            return Err(ArchiveError::TooLarge);
        }
        let mut archive = ZipArchive::new(&mut file)?;
        if archive.len() >= MAX_ENTRIES {
            return Err(ArchiveError::TooMany);
        }
        let damaged = |reason| ArchiveError::Damaged(ZipError::InvalidArchive(reason));
        if archive.has_overlapping_files()? {
            return Err(damaged("its files lie over each other".into()));
        }
        let mut bytes = 0_u64;
        for index in 0..archive.len() {
            bytes = bytes.saturating_add(archive.by_index_raw(index)?.size());
        }
        if bytes > MAX_BYTES {
            return Err(ArchiveError::TooLarge);
        }
        let temp = tempfile::Builder::new()
            .prefix("katahost-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()?;
        // The lab's name, where the files are in no folder of their own.
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.filter(|stem| is_plain(stem)).unwrap_or(UNNAMED);
        let root = temp.path().join(stem);
        fs::create_dir(&root)?;
        for index in 0..archive.len() {
            unpack(archive.by_index(index)?, &root)?;
        }
        let (start, count) = (archive.central_directory_start(), archive.len());
        drop(archive);
        check_names(&mut file, start, count)?;
        let path = only_folder(&root)?.unwrap_or(root);
        Ok(Self { _temp: temp, path })
    }

    /// Where the scenario, or the folder of scenarios, is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Unpacks one file or folder below `root`.
fn unpack<R: Read>(mut entry: ZipFile<'_, R>, root: &Path) -> Result<(), ArchiveError> {
    let raw = String::from_utf8(entry.name_raw().to_vec());
    let shown = raw
        .as_ref()
        .map_or_else(|_| entry.name().to_owned(), Clone::clone);
    let shown = readable(&shown);
    let refused = |reason| ArchiveError::Refused {
        name: shown.clone(),
        reason,
    };
    let name = raw.map_err(|_| refused("has no name in UTF-8"))?;
    if name.starts_with(ATTRIBUTES) {
        return Ok(());
    }
    let path = name.strip_suffix('/').unwrap_or(&name);
    if name.starts_with('/') || path.split('/').any(|part| part == "..") {
        return Err(refused("leads out of the archive's folder"));
    }
    if name.len() > MAX_PATH_BYTES || !path.split('/').all(is_plain) {
        return Err(refused(NOT_PLAIN));
    }
    let mode = entry.unix_mode().unwrap_or_default();
    if entry.is_symlink() {
        return Err(refused("is a link, which could lead anywhere"));
    }
    if !PLAIN_TYPES.contains(&(mode & TYPE_BITS)) {
        return Err(refused("is neither a file nor a folder"));
    }
    let target = root.join(path);
    let clash = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => refused(TWICE),
        _ => error.into(),
    };
    if entry.is_dir() {
        return fs::create_dir_all(target).map_err(clash);
    }
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(clash)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if mode & 0o111 == 0 { 0o644 } else { 0o755 })
        .open(target)
        .map_err(clash)?;
    // An entry may hold more than it says.
    let size = entry.size();
    let copied = io::copy(&mut (&mut entry).take(size.saturating_add(1)), &mut file);
    let copied = copied.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => refused("is damaged"),
        _ => error.into(),
    })?;
    if copied == size {
        Ok(())
    } else {
        Err(refused("is damaged"))
    }
}

/// A name as a message can show it.
fn readable(name: &str) -> String {
    name.escape_debug().take(200).collect()
}

/// Whether a part of a path is one that every system reads in the same way.
fn is_plain(part: &str) -> bool {
    let odd = |letter: char| letter.is_control() || letter == '\\' || letter == '/';
    !part.is_empty() && part != "." && part != ".." && !part.contains(odd)
}

/// Reads the archive's list of names: of two entries with one name, programs choose differently,
/// and the reader above tells of one only.
fn check_names(
    file: &mut (impl Read + Seek),
    start: u64,
    count: usize,
) -> Result<(), ArchiveError> {
    file.seek(SeekFrom::Start(start))?;
    let mut names = HashSet::new();
    loop {
        let mut head = [0; ENTRY_BYTES];
        let whole = file.read_exact(&mut head);
        if whole.is_err() || !head.starts_with(ENTRY_MAGIC) {
            break;
        }
        let length = |at: usize| {
            let bytes = [at, at + 1].map(|at| head.get(at).copied().unwrap_or_default());
            usize::from(u16::from_le_bytes(bytes))
        };
        let mut name = vec![0; length(28)];
        file.read_exact(&mut name)?;
        let rest = length(30) + length(32);
        file.seek_relative(i64::try_from(rest).unwrap_or_default())?;
        let shown = readable(&String::from_utf8_lossy(&name));
        if !names.insert(name) {
            return Err(ArchiveError::Refused {
                name: shown,
                reason: TWICE,
            });
        }
        if names.len() > count {
            break;
        }
    }
    if names.len() == count {
        return Ok(());
    }
    let reason = "its list of files is not what it says";
    Err(ArchiveError::Damaged(ZipError::InvalidArchive(
        reason.into(),
    )))
}

/// The one folder in `root`, where there is nothing beside it.
fn only_folder(root: &Path) -> io::Result<Option<PathBuf>> {
    let mut entries = fs::read_dir(root)?;
    let first = entries.next().transpose()?;
    let only = first.filter(|_| entries.next().is_none());
    Ok(only.map(|entry| entry.path()).filter(|path| path.is_dir()))
}
