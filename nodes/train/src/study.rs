//! A case as it came: image, classes, and where its crops lie.

use renalflow_imaging::{
    Geometry, Image, LabelMap, Volume, boxes::BoundingBox, same_grid::check_same_grid,
    volume::LabelNames,
};
use renalflow_sdk::Problem;
use renalflow_segmentation::{
    inference::coarse::{CoarseBoxes, find_kidneys},
    network::Domain,
    training::case::TrainingCase,
};

use crate::options::{Crop, Options};

/// Which inputs a case came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// The cases that matter.
    Primary,
    /// Those that help.
    Auxiliary,
    /// Those that are only scored.
    Test,
}

impl Set {
    /// All of them, with the inputs of each.
    pub const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Primary, "image", "mask"),
        (Self::Auxiliary, "auxiliary-image", "auxiliary-mask"),
        (Self::Test, "test-image", "test-mask"),
    ];

    /// The input with the patients of its cases.
    pub fn record(self) -> &'static str {
        match self {
            Self::Primary => "record",
            Self::Auxiliary => "auxiliary-record",
            Self::Test => "test-record",
        }
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Auxiliary => "auxiliary",
            Self::Test => "test",
        }
    }

    /// Whose normalisation and mixture it has.
    pub fn domain(self) -> Domain {
        match self {
            Self::Primary | Self::Test => Domain::Primary,
            Self::Auxiliary => Domain::Auxiliary,
        }
    }
}

/// A case.
pub struct Study {
    pub case_id: String,
    /// Its patient, where a record says it.
    pub patient_id: Option<String>,
    pub set: Set,
    /// Digest of what it came from.
    pub lineage: String,
    /// Names of its classes, in order, from class 1.
    pub classes: Vec<String>,
    /// Names of labels that it has and no class takes.
    pub left_out: Vec<String>,
    /// Grid of image and mask.
    pub geometry: Geometry,
    /// What crops are cut around, by name.
    pub boxes: Vec<(String, BoundingBox)>,
    /// Image and classes on their own grid, while they are needed.
    pub volume: Option<(Image, LabelMap)>,
    /// The crops on the plan's grid, once they are cut.
    pub crops: Vec<TrainingCase>,
}

impl Study {
    /// Take a case in: labels become classes, boxes are found.
    pub fn new(
        case_id: &str,
        set: Set,
        image: Image,
        labels: &LabelMap,
        options: &Options,
    ) -> Result<Self, Problem> {
        check_same_grid(
            ("the image", image.geometry()),
            ("the mask", labels.geometry()),
        )?;
        let (names, of_class) = classes(labels, options)?;
        if names.len() > 254 {
            return Err(
                Problem::new(format!("{} labels are to be learnt", names.len()))
                    .fix("name those that matter in --labels"),
            );
        }
        let classes = on_classes(labels, &names, &of_class)?;
        let counts = classes.counts();
        if counts.is_empty() && set != Set::Test {
            return Err(Problem::new(format!(
                "the mask has no voxel of {}",
                names.join(" or ")
            ))
            .fix("leave the case out, or see whether its mask is the right one and --labels name its labels"));
        }
        let taken: Vec<u16> = of_class.iter().flatten().copied().collect();
        let left_out = labels
            .counts()
            .into_keys()
            .filter(|label| !taken.contains(label))
            .map(|label| match labels.names.get(&label) {
                Some(name) => name.clone(),
                None => label.to_string(),
            })
            .collect();
        let boxes = boxes(&classes, options)?;
        Ok(Self {
            case_id: case_id.to_owned(),
            patient_id: None,
            set,
            lineage: String::new(),
            classes: names,
            left_out,
            geometry: image.geometry().clone(),
            boxes,
            volume: Some((owned(image)?, classes)),
            crops: Vec::new(),
        })
    }
}

impl Study {
    /// Whose case it is: without a record, a patient of its own.
    pub fn patient(&self) -> &str {
        self.patient_id.as_deref().unwrap_or(&self.case_id)
    }
}

/// The labels of each class.
fn classes(labels: &LabelMap, options: &Options) -> Result<(Vec<String>, Vec<Vec<u16>>), Problem> {
    let merges = options.merges()?;
    let mut names = options.labels.clone();
    if names.is_empty() {
        let named = labels.names.iter().filter(|(label, _)| **label != 0);
        names = named.map(|(_, name)| name.clone()).collect();
        for (name, _) in &merges {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    if names.is_empty() {
        return Err(Problem::new("the mask's labels have no names")
            .fix("name them in the manifest of the data set, or give their numbers in --labels"));
    }
    let mut of_class: Vec<Vec<u16>> = Vec::new();
    for name in &names {
        let merged = merges.iter().find(|(merged, _)| merged == name);
        let sum = merged.map_or(name.as_str(), |(_, sum)| sum.as_str());
        let found = labels.region(sum).map_err(|error| {
            Problem::from(error).fix("correct --labels and --merge, or the names in the manifest")
        })?;
        if let Some(twice) = found
            .iter()
            .find(|label| of_class.iter().any(|other| other.contains(label)))
        {
            let twice = labels
                .names
                .get(twice)
                .cloned()
                .unwrap_or(twice.to_string());
            return Err(Problem::new(format!(
                "label `{twice}` is in two classes, `{name}` and another"
            ))
            .fix("list each label once in --labels, those in --merge included"));
        }
        of_class.push(found);
    }
    Ok((names, of_class))
}

/// The mask as classes 1, 2, ...
fn on_classes(
    labels: &LabelMap,
    names: &[String],
    of_class: &[Vec<u16>],
) -> Result<LabelMap, Problem> {
    let mut class_of = vec![0u16; usize::from(u16::MAX) + 1];
    for (class, labels) in (1..).zip(of_class) {
        for &label in labels {
            class_of[usize::from(label)] = class;
        }
    }
    let names: LabelNames = (1..).zip(names.iter().cloned()).collect();
    Ok(LabelMap {
        volume: labels.volume.map(|&label| class_of[usize::from(label)]),
        names,
    })
}

/// What crops are cut around.
fn boxes(classes: &LabelMap, options: &Options) -> Result<Vec<(String, BoundingBox)>, Problem> {
    match options.crop {
        Crop::None => Ok(vec![(
            String::new(),
            BoundingBox::whole(classes.geometry()),
        )]),
        Crop::Kidneys => {
            let all: Vec<u16> = classes.names.keys().copied().collect();
            let mut how = CoarseBoxes::new(&all);
            how.margin_zyx_mm = [options.crop_margin_mm; 3];
            let found = find_kidneys(classes, &how).map_err(|error| {
                Problem::from(error)
                    .fix("leave the case out, or give --crop none for data without kidneys")
            })?;
            Ok(found
                .kidneys
                .into_iter()
                .map(|kidney| (kidney.side.name().to_owned(), kidney.with_margin))
                .collect())
        }
    }
}

/// An image in memory of its own: what came in a message holds on to the message.
fn owned(image: Image) -> Result<Image, Problem> {
    Ok(match image {
        Image::I16(volume) => Image::I16(own(volume)?),
        Image::F32(volume) => Image::F32(own(volume)?),
        Image::F64(volume) => Image::F64(own(volume)?),
    })
}

fn own<T: Clone>(volume: Volume<T>) -> Result<Volume<T>, Problem> {
    let (geometry, voxels) = volume.into_parts();
    Ok(Volume::new(geometry, voxels.into_vec())?)
}
