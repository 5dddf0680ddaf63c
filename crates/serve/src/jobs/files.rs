//! The jobs folder: where things lie in it, who may use it, and names that come from outside.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::JobsError;

/// Endings an input keeps on the disk: by them readers tell the format.
const SUFFIXES: [&str; 20] = [
    ".csv",
    ".csv.gz",
    ".tsv",
    ".tsv.gz",
    ".txt",
    ".txt.gz",
    ".json",
    ".jsonl",
    ".jsonl.gz",
    ".smi",
    ".smi.gz",
    ".smiles",
    ".smiles.gz",
    ".sdf",
    ".sdf.gz",
    ".mol",
    ".parquet",
    ".npy",
    ".nc",
    ".zip",
];

/// Longest name of an upload that is kept, in characters.
const MAX_NAME: usize = 200;

/// The jobs folder.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    root: PathBuf,
}

impl Folders {
    /// Makes the folder and what belongs into it; only this user may read it.
    pub(super) fn create(root: &Path) -> Result<Self, JobsError> {
        let folders = Self { root: root.to_path_buf() };
        create_private(root)?;
        for dir in [folders.incoming(), folders.work(), folders.trash()] {
            create_private(&dir)?;
        }
        Ok(folders)
    }

    pub(super) fn database(&self) -> PathBuf {
        self.root.join("jobs.sqlite")
    }

    pub(super) fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    pub(super) fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub(super) fn trash(&self) -> PathBuf {
        self.root.join("trash")
    }

    /// A job's own folder. `id` is one from the database, not from outside.
    pub(super) fn job(&self, id: &str) -> PathBuf {
        self.work().join(id)
    }

    /// A job's folder for results.
    pub(super) fn out(&self, id: &str) -> PathBuf {
        self.job(id).join("out")
    }

    /// Takes the folder for this process, until the file is dropped.
    pub(super) fn lock(&self) -> Result<File, JobsError> {
        let path = self.root.join("lock");
        let mut open = OpenOptions::new();
        open.read(true).write(true).create(true).truncate(false);
        let file = open.open(&path).map_err(JobsError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(JobsError::InUse { dir: self.root.clone() }),
            // Two servers on one folder would run every job twice: without locks there is no safe
            // way to go on, and SQLite needs them too.
            Err(TryLockError::Error(source)) => {
                Err(JobsError::Io { doing: "lock (choose a local disk for jobs)", path, source })
            }
        }
    }

    /// Moves a job's folder to the trash. It is no error when it has none.
    pub(super) fn discard(&self, id: &str) -> Result<(), JobsError> {
        let job = self.job(id);
        match fs::rename(&job, self.trash().join(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(JobsError::io("remove", &job)(error));
            }
            _ => {}
        }
        sync_dir(&self.work())?;
        sync_dir(&self.trash())
    }

    /// Removes what was moved to the trash.
    pub(super) fn empty_trash(&self, id: &str) {
        let path = self.trash().join(id);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                // The next start tries again.
                tracing::warn!(path = %path.display(), %error, "deleted job's files not removed");
            }
            _ => {}
        }
    }
}

fn create_private(dir: &Path) -> Result<(), JobsError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(JobsError::io("create the folder", dir))
}

/// Makes a folder's list of names durable: a new file is there after a power cut only then.
pub(super) fn sync_dir(dir: &Path) -> Result<(), JobsError> {
    // Elsewhere a folder can't be opened, and the system does this by itself.
    if cfg!(unix) {
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(JobsError::io("write down the folder", dir))?;
    }
    Ok(())
}

/// A new job's name: 128 random bits, so that nobody finds a job by guessing.
pub(super) fn new_id() -> Result<String, JobsError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(JobsError::Random)?;
    Ok(crate::random::hex(&bytes))
}

/// Whether a folder's name is one that we gave.
pub(super) fn is_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The name an upload is kept under: `input` and the ending, if it is one we know.
pub(super) fn input_file(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let suffix = SUFFIXES.into_iter().find(|suffix| name.ends_with(suffix));
    format!("input{}", suffix.unwrap_or_default())
}

/// An upload's name as it is shown: no folders, nothing that moves a cursor or turns the direction
/// of writing, not too long.
pub(super) fn display_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let turns = |c| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let clean: String = last.chars().filter(|&c| !c.is_control() && !turns(c)).collect();
    let clean: String = clean.trim().chars().take(MAX_NAME).collect();
    match clean.as_str() {
        "" | "." | ".." => "input".to_owned(),
        _ => clean,
    }
}

/// Whether a result's name is a plain file name on every system.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && !name.chars().any(|c| matches!(c, '/' | '\\' | ':') || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ending_of_an_uploads_name_reaches_the_disk() {
        for (name, file) in [
            ("library.csv", "input.csv"),
            ("LIBRARY.SDF.GZ", "input.sdf.gz"),
            ("../../etc/passwd", "input"),
            ("a/../../x.smi", "input.smi"),
            ("x.csv/..", "input"),
            ("x.csv\0.sh", "input"),
            ("x.exe", "input"),
            (".gz", "input"),
            ("", "input"),
        ] {
            assert_eq!(input_file(name), file, "{name:?}");
        }
    }

    #[test]
    fn names_are_shown_without_folders_and_tricks() {
        for (name, shown) in [
            ("library.csv", "library.csv"),
            ("C:\\data\\Bibliothèque 1.csv", "Bibliothèque 1.csv"),
            ("../../etc/passwd", "passwd"),
            ("a\r\nSet-Cookie: x.csv", "aSet-Cookie: x.csv"),
            ("vsc\u{202e}.exe", "vsc.exe"),
            ("..", "input"),
            ("x/", "input"),
            (" \t", "input"),
        ] {
            assert_eq!(display_name(name), shown, "{name:?}");
        }
        assert_eq!(display_name(&"é".repeat(1000)).chars().count(), MAX_NAME);
    }

    #[test]
    fn results_have_plain_names() {
        assert!(is_plain_name("hits.csv") && is_plain_name("hits.csv.provenance.json"));
        for name in ["", ".", "..", ".hidden", "a/b", "a\\b", "c:x", "a\0", "a\n"] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }

    #[test]
    fn ids_are_long_and_never_the_same() {
        let (a, b) = (new_id().unwrap(), new_id().unwrap());
        assert!(is_id(&a) && is_id(&b) && a != b);
        assert!(!is_id("..") && !is_id(&a[1..]) && !is_id(&a.to_uppercase().replace('0', "A")));
    }
}
