//! A file a map.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use renalflow_imaging::{WriteError, nifti::SlabWriter};
use thiserror::Error;

use crate::error::RadiomicsError;

use super::{MapSlab, Maps};

/// Why maps could not be written.
#[derive(Debug, Error)]
pub enum MapError {
    /// They could not be computed.
    #[error(transparent)]
    Radiomics(#[from] RadiomicsError),
    /// They could not be stored.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What [`Maps::write`] leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenMaps {
    /// The files, in the order in which they were completed.
    pub files: Vec<PathBuf>,
    /// What the reader of the maps should know.
    pub warnings: Vec<String>,
}

impl Maps<'_> {
    /// Compute the maps and write each to `<image type>_<class>_<Feature>.nii.gz`, double
    /// precision, in a folder that is made where it does not exist. The files of an image are
    /// written slab by slab, all at once; each appears when it is complete.
    ///
    /// # Errors
    /// As [`Maps::compute`], and what keeps files from being written. Maps that were complete
    /// by then stay.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<WrittenMaps, MapError> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder).map_err(|source| WriteError::Io {
            path: folder.to_owned(),
            source,
        })?;
        let grid = &self.plan().grid;
        let mut open: BTreeMap<String, SlabWriter> = BTreeMap::new();
        let mut files = Vec::new();
        let warnings = self.compute(&mut |slab: &MapSlab<'_>| -> Result<(), MapError> {
            let path = folder.join(file_name(slab.column));
            let mut writer = match open.remove(slab.column) {
                Some(writer) => writer,
                None => SlabWriter::create(&path, grid)?,
            };
            writer.append(slab.values)?;
            if slab.first_slice + slab.shape_zyx[0] == grid.shape_zyx[0] {
                writer.finish()?;
                files.push(path);
            } else {
                open.insert(slab.column.to_owned(), writer);
            }
            Ok(())
        })?;
        Ok(WrittenMaps { files, warnings })
    }
}

/// A column's name with only letters that every file system takes.
fn file_name(column: &str) -> String {
    let safe = |c: char| {
        let keep = c.is_ascii_alphanumeric() || "-_.".contains(c);
        if keep { c } else { '-' }
    };
    let mut name: String = column.chars().map(safe).collect();
    name.push_str(".nii.gz");
    name
}
