//! What is written while networks train: `history.csv`, `gates.csv`, `curves.svg`.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use renalflow_frames::write_file;
use renalflow_sdk::Problem;
use renalflow_segmentation::training::progress::EpochRow;

use crate::curves;

/// One finished epoch of one network.
pub struct Epoch {
    /// Name of the network.
    pub network: String,
    /// What came of it.
    pub row: EpochRow,
    /// Gates of its levels after it, the finest first; empty without.
    pub gates: Vec<f32>,
}

/// The epochs of a run.
pub struct Record {
    folder: PathBuf,
    classes: Vec<String>,
    /// In the order in which they were trained.
    pub epochs: Vec<Epoch>,
}

impl Record {
    pub fn new(folder: &Path, classes: &[String]) -> Self {
        Self {
            folder: folder.to_owned(),
            classes: classes.to_vec(),
            epochs: Vec::new(),
        }
    }

    /// Write all files anew, each whole or not at all.
    pub fn write(&self) -> Result<(), Problem> {
        write_file(&self.folder.join("history.csv"), self.history().as_bytes())?;
        if self.epochs.iter().any(|epoch| !epoch.gates.is_empty()) {
            write_file(&self.folder.join("gates.csv"), self.gates().as_bytes())?;
        }
        let picture = curves::draw(&self.epochs, &self.classes)
            .map_err(|cause| Problem::new(format!("curves.svg cannot be drawn: {cause}")))?;
        write_file(&self.folder.join("curves.svg"), picture.as_bytes())?;
        Ok(())
    }

    /// The files that [`Self::write`] wrote.
    pub fn files(&self) -> Vec<PathBuf> {
        let gates = self.epochs.iter().any(|epoch| !epoch.gates.is_empty());
        ["history.csv", "curves.svg"]
            .into_iter()
            .chain(gates.then_some("gates.csv"))
            .map(|name| self.folder.join(name))
            .collect()
    }

    fn history(&self) -> String {
        let mut text = "network,epoch,learning_rate,loss,gradient_norm".to_owned();
        for what in ["patch_dice", "validation_dice"] {
            for class in &self.classes {
                let _ = write!(text, ",{what}_{}", class.replace([',', '"', '\n'], "_"));
            }
        }
        text.push('\n');
        for Epoch { network, row, .. } in &self.epochs {
            let _ = write!(
                text,
                "{network},{},{},{},{}",
                row.epoch, row.learning_rate, row.loss, row.gradient_norm
            );
            for list in [&row.patch_dice, &row.validation_dice] {
                for class in 0..self.classes.len() {
                    text.push(',');
                    if let Some(dice) = list.get(class).copied().flatten() {
                        let _ = write!(text, "{dice}");
                    }
                }
            }
            text.push('\n');
        }
        text
    }

    fn gates(&self) -> String {
        let mut text = "network,epoch,level,gate\n".to_owned();
        for epoch in &self.epochs {
            for (level, gate) in epoch.gates.iter().enumerate() {
                let _ = writeln!(text, "{},{},{level},{gate}", epoch.network, epoch.row.epoch);
            }
        }
        text
    }
}

/// The gates of a network in a `gates.csv` of an earlier run: `(epoch, level, gate)`.
pub fn read_gates(file: &Path, network: &str) -> Vec<(usize, usize, f32)> {
    // What cannot be read is missing from a picture, and nothing else.
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut cells = line.split(',');
            if cells.next()? != network {
                return None;
            }
            Some((
                cells.next()?.parse().ok()?,
                cells.next()?.parse().ok()?,
                cells.next()?.parse().ok()?,
            ))
        })
        .collect()
}
