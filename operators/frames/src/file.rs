//! Files that are whole or not there.

use std::{fs::Permissions, io::Write, os::unix::fs::PermissionsExt, path::Path};

use tempfile::NamedTempFile;

use crate::FrameError;

/// Write a file whole or not at all: into a temporary file of the same folder, through to the
/// disk, then renamed. A file of that name is replaced only by a complete one.
///
/// # Errors
/// A folder that is not there or cannot be written to, a full disk.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), FrameError> {
    let write = || {
        let mut file = beside(path)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|cause| FrameError::Write {
        path: path.to_owned(),
        cause,
    })
}

/// Check, before a long computation, that a file can be written there later.
///
/// # Errors
/// A folder that is not there or cannot be written to.
pub fn check_writable(path: &Path) -> Result<(), FrameError> {
    beside(path).map(drop).map_err(|cause| FrameError::Write {
        path: path.to_owned(),
        cause,
    })
}

/// A temporary file in the folder of `path`; it goes when it is dropped.
fn beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // As readable as any other file: temporary files are the owner's alone by default.
    tempfile::Builder::new()
        .prefix(".renalflow-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
}
