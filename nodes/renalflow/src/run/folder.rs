//! The folder of a run: `runs/<name>/`.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use renalflow_daemon::LogLine;
use thiserror::Error;

/// Folder of the node logs in a run's folder.
pub const LOGS: &str = "logs";

/// The folder of a run.
pub struct RunFolder {
    /// Where it is, absolute.
    pub path: PathBuf,
    /// Where it is, as the user gave it.
    pub shown: PathBuf,
    /// Where an earlier run of the same name was moved.
    pub earlier: Option<PathBuf>,
}

/// Why a folder cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// A name with separators, or a hidden one.
    #[error(
        "a run's name is one plain word, not {name:?}\n  \
         fix: name the folder above it with `--out`: `{fix}`"
    )]
    Name {
        /// What was asked for.
        name: String,
        /// Options that mean the same.
        fix: String,
    },
    /// The system refuses.
    #[error(
        "cannot create the run's folder {path}: {cause}\n  \
         fix: give a folder that can be written with `--out DIR`"
    )]
    Create {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
}

impl RunFolder {
    /// Create `out/name`, moving an earlier run of that name aside: results are never
    /// overwritten, and the newest run is always the one without a number.
    ///
    /// # Errors
    /// The folder cannot be created or written.
    pub fn create(out: &Path, name: &str) -> Result<Self, FolderError> {
        let shown = out.join(name);
        if Path::new(name).components().count() != 1 || name.starts_with('.') {
            return Err(FolderError::Name {
                name: name.to_owned(),
                fix: plain_options(&shown),
            });
        }
        let failed = |cause| FolderError::Create {
            path: shown.clone(),
            cause,
        };
        let mut earlier = None;
        if shown.exists() {
            let kept = (1..)
                .map(|n| out.join(format!("{name}.{n}")))
                .find(|path| !path.exists())
                .unwrap_or_else(|| out.join(format!("{name}.earlier")));
            fs::rename(&shown, &kept).map_err(failed)?;
            earlier = Some(kept);
        }
        fs::create_dir_all(shown.join(LOGS)).map_err(failed)?;
        let path = std::path::absolute(&shown).map_err(failed)?;
        Ok(Self {
            path,
            shown,
            earlier,
        })
    }

    /// Remove what the daemon keeps for itself; the logs that matter are in `logs/`.
    pub fn tidy(&self) {
        let out = self.path.join("out");
        if let Err(error) = fs::remove_dir_all(&out)
            && out.exists()
        {
            crate::screen::remark(format!("cannot remove {}: {error}", out.display()));
        }
    }
}

/// `--out` and `--name` for a folder that was asked for by name alone.
fn plain_options(folder: &Path) -> String {
    let name = folder.file_name().map_or_else(Default::default, |name| {
        name.to_string_lossy().trim_start_matches('.').to_owned()
    });
    let name = if name.is_empty() { "NAME" } else { &name };
    let parent = folder.parent().unwrap_or(Path::new("."));
    format!("--out {} --name {name}", parent.display())
}

/// The log of each node, as the node wrote it.
pub struct NodeLogs {
    folder: PathBuf,
    files: BTreeMap<String, Option<File>>,
}

impl NodeLogs {
    /// Logs in the folder of a run.
    pub fn create(run_dir: &Path) -> Self {
        Self {
            folder: run_dir.join(LOGS),
            files: BTreeMap::new(),
        }
    }

    /// Append a line to its node's log; what the daemon says goes to `daemon.log`.
    pub fn write(&mut self, line: &LogLine) {
        let node = line.node.as_deref().unwrap_or("daemon");
        let file = self
            .files
            .entry(node.to_owned())
            .or_insert_with(|| File::create(self.folder.join(format!("{node}.log"))).ok());
        if let Some(file) = file {
            // A full disk shows where it matters: in the tables, which are written with errors.
            let _ = writeln!(file, "{}", line.text.trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_a_path_is_refused_with_the_options_that_mean_it() {
        for (name, fix) in [
            (
                "transfer/scratch-1",
                "`--out runs/transfer --name scratch-1`",
            ),
            (".hidden", "`--out runs --name hidden`"),
            ("..", "--name NAME`"),
        ] {
            let Err(error) = RunFolder::create(Path::new("runs"), name) else {
                panic!("{name} is no name");
            };
            let error = error.to_string();
            assert!(error.contains(name) && error.contains(fix), "{error}");
        }
    }
}
