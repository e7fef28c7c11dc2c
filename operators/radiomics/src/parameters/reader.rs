//! From the text of a parameter file to [`Parameters`].

use std::{path::Path, rc::Rc};

use renalflow_findings::{Finding, Source, Spot, did_you_mean};

use super::{
    ParameterError, Parameters, Warning,
    classes::{self, Classes},
    images::{self, ImageEntry},
    keys,
    layer::Layer,
    report::{Report, quoted},
    resolve,
    schema::Key,
    yaml::{self, Data, MAX_BYTES, Node, Pair, Scalar},
};
use crate::Standard;

/// The sections of a file.
const SECTIONS: [&str; 5] = [
    "imageType",
    "featureClass",
    "setting",
    "voxelSetting",
    "compat",
];

/// Names that PyRadiomics' older versions and its documentation have for what is meant.
const RENAMED: [(&str, &str); 4] = [
    ("inputImage", "imageType"),
    ("Label", "label"),
    ("LocalBinaryPattern2D", "LBP2D"),
    ("LocalBinaryPattern3D", "LBP3D"),
];

impl Parameters {
    /// Read the text of a parameter file of PyRadiomics, in YAML or JSON. `name` stands in
    /// messages.
    ///
    /// Sections, keys, defaults and their meaning are PyRadiomics'; keys that it lacks are
    /// described in `docs/reference/parameters.md`.
    ///
    /// # Errors
    /// All that is wrong with the text, each with line, column, what is allowed and the nearest
    /// valid name.
    pub fn from_text(text: &str, name: &str) -> Result<(Self, Vec<Warning>), ParameterError> {
        if text.len() > MAX_BYTES {
            return Err(ParameterError::of_file(
                Finding::error(format!(
                    "{name} has {} bytes, and parameters take {MAX_BYTES} at most",
                    text.len()
                ))
                .fix("give the parameter file, not an image or a table"),
            ));
        }
        // A mark of the byte order is no part of the text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source::new(name.to_owned(), text);
        let mut report = Report::new(&source);
        let parameters = read_document(text, &mut report);
        let warnings = report.finish()?;
        match parameters {
            Some(parameters) => Ok((parameters, warnings)),
            None => Err(ParameterError::of_file(
                Finding::error(format!("{name} has no parameters in it"))
                    .fix("write `imageType: {Original: {}}` for the defaults"),
            )),
        }
    }

    /// Read a parameter file of PyRadiomics, in YAML or JSON: [`Self::from_text`].
    ///
    /// # Errors
    /// A file that cannot be read or is no UTF-8 text, and as [`Self::from_text`].
    pub fn read(path: impl AsRef<Path>) -> Result<(Self, Vec<Warning>), ParameterError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let refuse = |message: String, fix: &str| {
            Err(ParameterError::of_file(Finding::error(message).fix(fix)))
        };
        // Told before it is read, lest an image is read for nothing.
        match std::fs::metadata(path) {
            Err(error) => {
                return refuse(
                    format!("parameter file {name} cannot be read: {error}"),
                    "look at the path; relative paths start at the working folder",
                );
            }
            Ok(metadata) if metadata.is_dir() => {
                return refuse(
                    format!("{name} is a folder"),
                    "give the parameter file in it",
                );
            }
            Ok(metadata) if metadata.len() > MAX_BYTES as u64 => {
                return refuse(
                    format!(
                        "{name} has {} bytes, and parameters take {MAX_BYTES} at most",
                        metadata.len()
                    ),
                    "give the parameter file, not an image or a table",
                );
            }
            Ok(_) => {}
        }
        match std::fs::read(path).map(String::from_utf8) {
            Ok(Ok(text)) => Self::from_text(&text, &name),
            Ok(Err(_)) => refuse(
                format!("{name} is not UTF-8 text"),
                "save it as UTF-8, or give the parameter file if this is another file",
            ),
            Err(error) => refuse(
                format!("parameter file {name} cannot be read: {error}"),
                "look at its permissions",
            ),
        }
    }
}

/// What a file says, section by section.
pub(super) struct Document {
    pub standard: Standard,
    pub setting: Layer,
    pub voxel_setting: Layer,
    pub classes: Classes,
    pub images: Vec<ImageEntry>,
}

fn read_document(text: &str, report: &mut Report<'_>) -> Option<Parameters> {
    let root = yaml::parse(text, report)?;
    if root.is_null() {
        return None;
    }
    let sections = pairs(&root, "a parameter file", report);
    for section in sections {
        if !SECTIONS.contains(&&*section.name) {
            let message = format!("there is no section {}", quoted(&section.name));
            refuse_name(section, message, "sections", SECTIONS, report);
        }
    }
    let section = |name: &str| {
        let found = sections.iter().find(|pair| &*pair.name == name);
        found.map(|pair| Rc::clone(&pair.value))
    };
    let standard = section("compat").map_or(Standard::PyRadiomics, |node| compat(&node, report));
    let mut layer = |name: &str, keys: &[&'static Key]| {
        let node = section(name);
        let what = format!("`{name}`");
        node.map_or_else(Layer::default, |node| {
            Layer::read(pairs(&node, &what, report), &what, keys, report)
        })
    };
    let setting = layer("setting", &keys::SETTINGS);
    let voxel_setting = layer("voxelSetting", &keys::VOXEL_SETTINGS);
    let document = Document {
        standard,
        setting,
        voxel_setting,
        classes: classes::read(section("featureClass").as_deref(), standard, report),
        images: images::read(section("imageType").as_deref(), report),
    };
    resolve::resolve(&document, report)
}

fn compat(node: &Node, report: &mut Report<'_>) -> Standard {
    match node.scalar() {
        Some(Scalar::Null | Scalar::Text("pyradiomics")) => return Standard::PyRadiomics,
        Some(Scalar::Text("ibsi")) => return Standard::Ibsi,
        _ => {}
    }
    report.error(
        node.spot,
        format!(
            "`compat` must be `pyradiomics` or `ibsi`, this is {}",
            node.what()
        ),
        match node.scalar() {
            Some(Scalar::Text(text)) => did_you_mean(text, "presets", ["pyradiomics", "ibsi"]),
            _ => "say whose definitions hold".to_owned(),
        },
    );
    Standard::PyRadiomics
}

/// The entries of a map; none where there is nothing, or something else, which is reported.
pub(super) fn pairs<'a>(node: &'a Node, what: &str, report: &mut Report<'_>) -> &'a [Pair] {
    match &node.data {
        Data::Map(pairs) => pairs,
        _ if node.is_null() => &[],
        _ => {
            report.error(
                node.spot,
                format!(
                    "{what} must be a map of `key: value`, this is {}",
                    node.what()
                ),
                "write `key: value`, one a line",
            );
            &[]
        }
    }
}

/// Report a name that is not known where it stands; `nouns` are what could stand there.
pub(super) fn refuse_name<'a>(
    pair: &Pair,
    message: String,
    nouns: &str,
    known: impl IntoIterator<Item = &'a str>,
    report: &mut Report<'_>,
) {
    let name = &*pair.name;
    let known: Vec<&str> = known.into_iter().collect();
    let renamed = RENAMED.iter().find(|(old, _)| *old == name);
    let fix = match (renamed, home(name)) {
        (Some((_, new)), _) => format!("it is called `{new}`"),
        (None, Some(home)) => format!("`{name}` belongs under `{home}`"),
        (None, None) => did_you_mean(name, nouns, known),
    };
    report.error(pair.spot, message, fix);
}

/// The section that a name belongs to.
fn home(name: &str) -> Option<&'static str> {
    let has = |keys: &[&Key]| keys.iter().any(|key| key.name == name);
    if has(&keys::SETTINGS) {
        Some("setting")
    } else if has(&keys::VOXEL_SETTINGS) {
        Some("voxelSetting")
    } else if images::names().any(|image| image == name) {
        Some("imageType")
    } else if crate::CLASSES.iter().any(|class| class.name == name) {
        Some("featureClass")
    } else if SECTIONS.contains(&name) {
        Some("the top level")
    } else {
        None
    }
}

/// A spot that stands for the whole text.
pub(super) const NOWHERE: Spot = Spot {
    line: 1,
    column: 1,
    width: 1,
};
