//! What is wrong with a parameter file, and what is worth knowing about it.

use std::fmt;

use renalflow_findings::{Finding, Place, Source, Spot};

/// Most errors that are kept; a file with more is another kind of file.
const MAX_ERRORS: usize = 32;

/// Why a parameter file could not be read: everything that is wrong with it, in the order of
/// its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterError {
    /// What is wrong, where, and what to do about it; never empty.
    pub findings: Vec<Finding>,
    /// How many more errors there are than findings.
    pub left_out: usize,
}

impl ParameterError {
    /// Something that has no place in the text.
    pub(super) fn of_file(finding: Finding) -> Self {
        Self {
            findings: vec![finding],
            left_out: 0,
        }
    }
}

/// All findings with their pictures; the first without `error: `, which whoever prints the
/// error puts before it.
impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, finding) in self.findings.iter().enumerate() {
            match i {
                0 => write_bare(finding, f)?,
                _ => write!(f, "\n\n{finding}")?,
            }
        }
        if self.left_out > 0 {
            write!(f, "\n\nand {} more", self.left_out)?;
        }
        Ok(())
    }
}

impl std::error::Error for ParameterError {}

/// Something in a parameter file that is worth knowing, though it can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What.
    pub kind: WarningKind,
    /// Where.
    pub place: Place,
}

/// What a parameter file may be warned of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarningKind {
    /// `binWidth` stands beside `binCount`, which decides.
    BinWidthBesideBinCount,
    /// Image type `LoG` without `sigma`: it yields no image.
    LogWithoutSigma,
    /// Image type `LBP2D` works in slices, and features are not computed in slices.
    Lbp2dIn3d,
    /// Image type `LBP3D` works in the volume, and features are computed in slices.
    Lbp3dIn2d,
    /// `force2Ddimension` without `force2D`.
    SliceAxisWithoutForce2d,
    /// Class `shape2D` without `force2D`: it yields no feature.
    Shape2dIn3d,
    /// A feature that PyRadiomics calls deprecated.
    DeprecatedFeature {
        /// Its class.
        class: &'static str,
        /// Its name.
        feature: String,
    },
    /// A key that changes nothing where it stands.
    NoEffect {
        /// The key.
        key: &'static str,
        /// Why it changes nothing.
        why: String,
    },
}

impl WarningKind {
    fn message(&self) -> String {
        match self {
            Self::BinWidthBesideBinCount => "`binWidth` has no effect beside `binCount`".to_owned(),
            Self::LogWithoutSigma => "`LoG` without `sigma` yields no image".to_owned(),
            Self::Lbp2dIn3d => {
                "`LBP2D` works in slices, but features are computed in 3D".to_owned()
            }
            Self::Lbp3dIn2d => {
                "`LBP3D` works in the volume, but features are computed in slices".to_owned()
            }
            Self::SliceAxisWithoutForce2d => {
                "`force2Ddimension` has no effect without `force2D`".to_owned()
            }
            Self::Shape2dIn3d => "`shape2D` yields no feature without `force2D`".to_owned(),
            Self::DeprecatedFeature { class, feature } => format!(
                "`{feature}` of `{class}` is deprecated in PyRadiomics, whose tables may lack it"
            ),
            Self::NoEffect { key, why } => format!("`{key}` has no effect: {why}"),
        }
    }

    fn fix(&self) -> &'static str {
        match self {
            Self::BinWidthBesideBinCount => "keep one of them",
            Self::LogWithoutSigma => "write `LoG: {sigma: [1.0, 3.0]}` with widths in mm",
            Self::Lbp2dIn3d => "write `force2D: true`, or use `LBP3D`",
            Self::Lbp3dIn2d => "leave `force2D` out, or use `LBP2D`",
            Self::SliceAxisWithoutForce2d | Self::Shape2dIn3d => "write `force2D: true`",
            Self::DeprecatedFeature { .. } | Self::NoEffect { .. } => "",
        }
    }
}

/// The message with its picture, without `warning: `.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finding = Finding::warning(self.kind.message())
            .at(self.place.clone())
            .fix(self.kind.fix());
        write_bare(&finding, f)
    }
}

fn write_bare(finding: &Finding, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = finding.to_string();
    let severity = format!("{}: ", finding.severity);
    f.write_str(text.strip_prefix(&severity).unwrap_or(&text))
}

/// Collects what is wrong with a text.
pub(super) struct Report<'a> {
    pub source: &'a Source,
    errors: Vec<(Spot, String, String)>,
    left_out: usize,
    warnings: Vec<(Spot, WarningKind)>,
}

impl<'a> Report<'a> {
    pub fn new(source: &'a Source) -> Self {
        Self {
            source,
            errors: Vec::new(),
            left_out: 0,
            warnings: Vec::new(),
        }
    }

    pub fn error(&mut self, spot: Spot, message: impl Into<String>, fix: impl Into<String>) {
        if self.errors.len() >= MAX_ERRORS {
            self.left_out += 1;
            return;
        }
        self.errors.push((spot, message.into(), fix.into()));
    }

    pub fn warn(&mut self, spot: Spot, kind: WarningKind) {
        if self.warnings.len() < MAX_ERRORS {
            self.warnings.push((spot, kind));
        }
    }

    /// The warnings, or the errors where there are any; in the order of the lines.
    pub fn finish(mut self) -> Result<Vec<Warning>, ParameterError> {
        // An alias brings an error to its anchor once for each use.
        self.errors.sort();
        self.errors.dedup();
        if self.errors.is_empty() {
            self.warnings.sort_by_key(|(spot, _)| *spot);
            self.warnings.dedup();
            return Ok(self
                .warnings
                .into_iter()
                .map(|(spot, kind)| Warning {
                    kind,
                    place: self.source.place(spot),
                })
                .collect());
        }
        Err(ParameterError {
            findings: self
                .errors
                .into_iter()
                .map(|(spot, message, fix)| {
                    Finding::error(message).at(self.source.place(spot)).fix(fix)
                })
                .collect(),
            left_out: self.left_out,
        })
    }
}

/// A piece of the text in a message, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let shown: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let dots = if text.chars().nth(LONGEST).is_some() {
        "..."
    } else {
        ""
    };
    format!("`{shown}{dots}`")
}
