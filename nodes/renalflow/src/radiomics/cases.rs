//! Which images, masks and labels.

use std::path::{Path, PathBuf};

use renalflow_radiomics::Parameters;
use renalflow_stage_radiomics::rows::Cells;

use crate::cli;

/// A row of the list of cases.
#[derive(Debug, Clone)]
pub struct Row {
    /// Place in the list.
    pub place: usize,
    /// The columns of the list, carried through.
    pub carried: Cells,
    /// The label.
    pub label: u16,
}

/// The rows of one image and mask, which are read once.
#[derive(Debug, Clone)]
pub struct Case {
    /// The image.
    pub image: PathBuf,
    /// The mask.
    pub mask: PathBuf,
    /// The channel of the mask.
    pub label_channel: usize,
    /// A row a label.
    pub rows: Vec<Row>,
}

impl Case {
    /// Both files and a label, for messages.
    pub fn with_label(&self, label: u16) -> String {
        let beside = self.mask.parent() == self.image.parent();
        let mask = self.mask.file_name().filter(|_| beside);
        let mask = mask.map_or(self.mask.as_path(), Path::new);
        format!(
            "{} ({}, label {label})",
            self.image.display(),
            mask.display()
        )
    }
}

/// The cases of the command line or of the list that it names.
pub fn read(options: &cli::Radiomics, parameters: &Parameters) -> Result<Vec<Case>, String> {
    let is_list = options
        .input
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    match (&options.mask, is_list) {
        (Some(mask), false) => Ok(vec![one(options, mask, parameters)]),
        (None, true) => list(&options.input, options, parameters),
        (None, false) => Err(format!(
            "{}: an image needs a mask\n  fix: `renalflow radiomics IMAGE MASK`, or give a list of \
             cases whose name ends in .csv",
            options.input.display()
        )),
        (Some(mask), true) => Err(format!(
            "{} is a list of cases, which names its masks itself\n  fix: leave out {}",
            options.input.display(),
            mask.display()
        )),
    }
}

fn labels(options: &cli::Radiomics, parameters: &Parameters) -> Vec<u16> {
    if options.label.is_empty() {
        vec![parameters.label]
    } else {
        options.label.clone()
    }
}

fn one(options: &cli::Radiomics, mask: &Path, parameters: &Parameters) -> Case {
    let rows = labels(options, parameters)
        .into_iter()
        .enumerate()
        .map(|(place, label)| Row {
            place,
            carried: vec![
                ("Image".to_owned(), path_cell(&options.input)),
                ("Mask".to_owned(), path_cell(mask)),
                ("Label".to_owned(), usize::from(label).into()),
            ],
            label,
        })
        .collect();
    Case {
        image: options.input.clone(),
        mask: mask.to_owned(),
        label_channel: parameters.label_channel,
        rows,
    }
}

fn path_cell(path: &Path) -> renalflow_stage_radiomics::rows::Cell {
    path.display().to_string().as_str().into()
}

/// PyRadiomics' batch file: columns `Image` and `Mask`, `Label` and `Label_channel` where they
/// differ from the parameters', any others carried through. Relative paths start at the file.
fn list(
    path: &Path,
    options: &cli::Radiomics,
    parameters: &Parameters,
) -> Result<Vec<Case>, String> {
    let wrong = |line: u64, what: String, fix: &str| {
        format!("{}:{line}: {what}\n  fix: {fix}", path.display())
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let header = reader
        .headers()
        .map_err(|error| format!("{}: {error}", path.display()))?
        .clone();
    // A byte order mark, which spreadsheets write, is no part of the first name.
    let names: Vec<&str> = header
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}'))
        .collect();
    let column = |name: &str| names.iter().position(|&found| found == name);
    let required = |name: &str| {
        column(name).ok_or_else(|| {
            let nearest = names
                .iter()
                .max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
            wrong(
                1,
                format!("there is no column `{name}`"),
                &format!(
                    "name the columns `Image`, `Mask` and, if you like, `Label`; the nearest to \
                     `{name}` is `{}`",
                    nearest.copied().unwrap_or_default()
                ),
            )
        })
    };
    let image_column = required("Image")?;
    let mask_column = required("Mask")?;
    let folder = path.parent().unwrap_or(Path::new(""));

    let mut cases: Vec<Case> = Vec::new();
    let mut place = 0;
    for record in reader.records() {
        let record = record.map_err(|error| format!("{}: {error}", path.display()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|c| !c.is_empty());
        let file = |at: usize, name: &str| {
            cell(Some(at)).map(|file| folder.join(file)).ok_or_else(|| {
                wrong(
                    line,
                    format!("`{name}` is empty"),
                    "name the file, or take the row out",
                )
            })
        };
        let image = file(image_column, "Image")?;
        let mask = file(mask_column, "Mask")?;
        let number = |name: &str| match cell(column(name)) {
            None => Ok(None),
            // Spreadsheets turn a column with gaps into 1.0, 2.0.
            Some(text) => match text.strip_suffix(".0").unwrap_or(text).parse::<u16>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(wrong(
                    line,
                    format!("`{name}` is `{text}`"),
                    "give a whole number from 0 to 65535, or leave it empty",
                )),
            },
        };
        let row_labels = match number("Label")? {
            Some(label) if options.label.is_empty() => vec![label],
            _ => labels(options, parameters),
        };
        let label_channel = number("Label_channel")?.map_or(parameters.label_channel, usize::from);
        for label in row_labels {
            let mut carried: Cells = names
                .iter()
                .zip(&record)
                .filter(|(name, _)| **name != "Label")
                .map(|(name, text)| ((*name).to_owned(), text.into()))
                .collect();
            let after_mask = carried
                .iter()
                .position(|(name, _)| name == "Mask")
                .map_or(0, |at| at + 1);
            carried.insert(after_mask, ("Label".to_owned(), usize::from(label).into()));
            let row = Row {
                place,
                carried,
                label,
            };
            place += 1;
            let same = cases.iter_mut().rev().find(|case| {
                case.image == image && case.mask == mask && case.label_channel == label_channel
            });
            match same {
                Some(case) => case.rows.push(row),
                None => cases.push(Case {
                    image: image.clone(),
                    mask: mask.clone(),
                    label_channel,
                    rows: vec![row],
                }),
            }
        }
    }
    if cases.is_empty() {
        return Err(wrong(
            1,
            "the list has no case".to_owned(),
            "add a row for each case",
        ));
    }
    Ok(cases)
}
