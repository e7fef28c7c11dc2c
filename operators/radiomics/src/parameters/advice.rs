//! What is worth knowing about a file that can be used: keys that change nothing, and what
//! PyRadiomics warns of.

use super::{
    images::ImageEntry,
    keys,
    layer::{Entry, Layer, Layers},
    reader::Document,
    report::{Report, WarningKind},
    schema::{Key, Reader, Value},
};

pub(super) fn advise(document: &Document, report: &mut Report<'_>) {
    let outer = Layers::of(&document.setting);
    advise_on_layer(&document.setting, outer, document, report);
    for entry in &document.setting.entries {
        if let Some(why) = nobody_reads(entry, document) {
            no_effect(entry, why, report);
        }
    }
    for &(key, needed, why) in &NEEDS {
        let is_there = needed.iter().any(|needed| is_on(outer, needed));
        if !is_there && let Some(entry) = outer.entry(key) {
            no_effect(entry, why.to_owned(), report);
        }
    }
    for image in &document.images {
        advise_on_image(image, outer, document, report);
    }
    for (class, spot) in &document.classes.spots {
        if *class == "shape2D" && outer.slice_axis().is_none() {
            report.warn(*spot, WarningKind::Shape2dIn3d);
        }
    }
}

/// Keys that need one of others, and why they have no effect without.
static NEEDS: [(&Key, &[&Key], &str); 6] = [
    (
        &keys::NORMALIZE_SCALE,
        &[&keys::NORMALIZE],
        "`normalize` is off",
    ),
    (
        &keys::REMOVE_OUTLIERS,
        &[&keys::NORMALIZE],
        "`normalize` is off",
    ),
    (
        &keys::ROUND_INTENSITIES,
        &[&keys::RESAMPLED_PIXEL_SPACING],
        "nothing is resampled",
    ),
    (
        &keys::PAD_DISTANCE,
        &[&keys::RESAMPLED_PIXEL_SPACING, &keys::PRE_CROP],
        "nothing is resampled and `preCrop` is off",
    ),
    (
        &keys::RESEGMENT_MODE,
        &[&keys::RESEGMENT_RANGE],
        "there is no `resegmentRange`",
    ),
    (
        &keys::RESEGMENT_SHAPE,
        &[&keys::RESEGMENT_RANGE, &keys::RESEGMENT_OUTLIERS],
        "nothing is resegmented",
    ),
];

/// Whether a key says something other than no.
fn is_on(layers: Layers<'_>, key: &Key) -> bool {
    layers
        .entry(key)
        .is_some_and(|entry| entry.value != Value::Switch(false))
}

fn no_effect(entry: &Entry, why: String, report: &mut Report<'_>) {
    report.warn(
        entry.spot,
        WarningKind::NoEffect {
            key: entry.key.name,
            why,
        },
    );
}

/// Why no image or class that was chosen reads a key.
fn nobody_reads(entry: &Entry, document: &Document) -> Option<String> {
    if entry.value == Value::Null {
        return None;
    }
    match entry.key.reader {
        Reader::Filters(types) => {
            let is_read = document.images.iter().any(|i| types.contains(&i.name));
            (!is_read).then(|| format!("`imageType` lacks {}", listed(types)))
        }
        Reader::Classes(classes) => {
            let is_read = document.classes.has(classes);
            (!is_read).then(|| format!("`featureClass` lacks {}", listed(classes)))
        }
        Reader::Preparation | Reader::Image | Reader::Maps => None,
    }
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}

/// What the settings of one mapping say together.
fn advise_on_layer(
    layer: &Layer,
    layers: Layers<'_>,
    document: &Document,
    report: &mut Report<'_>,
) {
    let has = |key: &Key| layer.entry(key).filter(|entry| entry.value != Value::Null);
    if layers.entry(&keys::BIN_COUNT).is_some()
        && let Some(entry) = has(&keys::BIN_WIDTH)
    {
        report.warn(entry.spot, WarningKind::BinWidthBesideBinCount);
    }
    if layers.entry(&keys::BIN_COUNT).is_some()
        && let Some(entry) = has(&keys::BIN_WIDTH_START)
    {
        no_effect(entry, "`binCount` decides".to_owned(), report);
    }
    if layers.entry(&keys::IVH_BIN_COUNT).is_some()
        && let Some(entry) = has(&keys::IVH_BIN_WIDTH)
    {
        no_effect(entry, "`ivhBinCount` decides".to_owned(), report);
    }
    // LBP2D takes slices in 3D, too.
    let takes_slices = document.images.iter().any(|image| image.name == "LBP2D");
    if layers.slice_axis().is_none()
        && !takes_slices
        && let Some(entry) = has(&keys::FORCE_2D_DIMENSION)
    {
        let is_used_within = document.images.iter().any(|image| {
            let inner = Layers {
                inner: Some(&image.layer),
                ..layers
            };
            inner.slice_axis().is_some()
        });
        if !is_used_within {
            report.warn(entry.spot, WarningKind::SliceAxisWithoutForce2d);
        }
    }
}

fn advise_on_image(
    image: &ImageEntry,
    outer: Layers<'_>,
    document: &Document,
    report: &mut Report<'_>,
) {
    let layers = Layers {
        inner: Some(&image.layer),
        ..outer
    };
    advise_on_layer(&image.layer, layers, document, report);
    for entry in &image.layer.entries {
        let why = match entry.key.reader {
            Reader::Preparation if entry.key.name != keys::LABEL.name => {
                Some("it is the same for all images: give it under `setting`".to_owned())
            }
            Reader::Filters(types) if !types.contains(&image.name) => {
                Some(format!("it is read by {}", listed(types)))
            }
            Reader::Classes(_) => nobody_reads(entry, document),
            _ => None,
        };
        if let Some(why) = why.filter(|_| entry.value != Value::Null) {
            no_effect(entry, why, report);
        }
    }
    let in_slices = layers.slice_axis().is_some();
    match image.name {
        "LoG" if layers.numbers(&keys::SIGMA).is_none_or(<[_]>::is_empty) => {
            report.warn(image.spot, WarningKind::LogWithoutSigma);
        }
        "LBP2D" if !in_slices => report.warn(image.spot, WarningKind::Lbp2dIn3d),
        "LBP3D" if in_slices => report.warn(image.spot, WarningKind::Lbp3dIn2d),
        _ => {}
    }
}
