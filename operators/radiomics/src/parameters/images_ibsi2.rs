//! The image types of IBSI 2, which PyRadiomics lacks: their keys are the fields of the filters'
//! structs. A type may be given several times, as a list of mappings.

use renalflow_findings::Spot;

use super::{
    images::ImageEntry,
    keys::{
        AGGREGATION, BIN_COUNT, BIN_WIDTH, BIN_WIDTH_START, DISTANCES, FORCE_2D,
        FORCE_2D_DIMENSION, GLDM_A, IVH_BIN_COUNT, IVH_BIN_WIDTH, SYMMETRICAL_GLCM,
        VOXEL_ARRAY_SHIFT, WEIGHTING_NORM,
    },
    layer::{Entry, Layer, Layers},
    reader::{NOWHERE, pairs},
    report::{Report, quoted},
    schema::{Count, Key, Kind, MAX_ITEMS, Number, Origin, Range, Reader},
    yaml::{Data, Node, Pair},
};
use crate::{
    ImageType, RadiomicsError,
    filters::{
        self, Boundary, Dimensions, Gabor, Laws, Mean, NonseparableFamily, NonseparableWavelet,
        Pooling, SampledLog, SeparableWavelet,
    },
};

/// A filter of IBSI 2 as an image type.
pub(super) struct Ibsi2Type {
    pub name: &'static str,
    /// What it does, for the reference page.
    pub about: &'static str,
    /// Its own keys.
    pub keys: &'static [&'static Key],
    build: fn(Layers<'_>) -> Option<ImageType>,
}

/// What most keys are.
const KEY: Key = Key {
    name: "",
    kind: Kind::Text,
    unit: "",
    default: REQUIRED,
    about: "",
    origin: Origin::Ours,
    reader: Reader::Image,
};

/// The default of a key that has none.
pub(super) const REQUIRED: &str = "";

const MAX_RADIUS_VOXELS: f64 = crate::filters::ibsi2::MAX_RADIUS_VOXELS as f64;

static BOUNDARY: Key = Key {
    name: "boundary",
    kind: Kind::OneOf(&["zero", "nearest", "periodic", "mirror"]),
    default: "mirror",
    about: "How the image goes on beyond its border.",
    ..KEY
};

static DIMENSIONS: Key = Key {
    name: "dimensions",
    kind: Kind::OneOf(&["2D", "3D"]),
    default: "3D",
    about: "Filter slices or the volume.",
    ..KEY
};

static SUPPORT: Key = Key {
    name: "supportVoxels",
    kind: Kind::Integer(Range::of(1.0, 2.0 * MAX_RADIUS_VOXELS + 1.0)),
    unit: "voxels",
    about: "Edge of the cube or square; odd.",
    ..KEY
};

static SIGMA: Key = Key {
    name: "sigmaMm",
    kind: Kind::Number(Range::POSITIVE),
    unit: "mm",
    about: "Standard deviation of the Gaussian.",
    ..KEY
};

static TRUNCATE: Key = Key {
    name: "truncate",
    kind: Kind::Number(Range::POSITIVE),
    unit: "standard deviations",
    default: "4",
    about: "Where the kernel ends.",
    ..KEY
};

static RIESZ_ORDER: Key = Key {
    name: "rieszOrderXyz",
    kind: Kind::Integers(Range::of(0.0, 20.0), Count::Three),
    default: "null",
    about: "Riesz transform by its orders along x, y, z, which sum to 20 at most; in slices the \
            last is 0.",
    ..KEY
};

static KERNELS: Key = Key {
    name: "kernels",
    about: "1D kernels along x, y, z, such as `L5E5S5`, of L3, E3, S3, L5, E5, S5, W5, R5; two of \
            them filter slices.",
    ..KEY
};

static ROTATIONS: Key = Key {
    name: "rotationInvariance",
    kind: Kind::OneOf(&["average", "maximum"]),
    default: "null",
    about: "Pool the responses to all right-angle rotations.",
    ..KEY
};

static ENERGY_DISTANCE: Key = Key {
    name: "energyDistanceVoxels",
    kind: Kind::Integer(Range::of(0.0, MAX_RADIUS_VOXELS)),
    unit: "voxels",
    default: "null",
    about: "Replace the response by the mean of its magnitude within this distance (infinity \
            norm).",
    ..KEY
};

static LAMBDA: Key = Key {
    name: "lambdaMm",
    kind: Kind::Number(Range::POSITIVE),
    unit: "mm",
    about: "Wavelength.",
    ..KEY
};

static GAMMA: Key = Key {
    name: "gamma",
    kind: Kind::Number(Range::POSITIVE),
    default: "1",
    about: "Aspect ratio of the envelope.",
    ..KEY
};

static THETA: Key = Key {
    name: "thetaRad",
    kind: Kind::Number(Range::ANY),
    unit: "rad",
    default: "0",
    about: "Orientation, clockwise from x towards y.",
    ..KEY
};

static THETA_STEP: Key = Key {
    name: "thetaStepRad",
    kind: Kind::Number(Range::POSITIVE),
    unit: "rad",
    default: "null",
    about: "Pool the responses to all orientations this far apart; it divides a full turn.",
    ..KEY
};

static ORTHOGONAL_PLANES: Key = Key {
    name: "orthogonalPlanes",
    kind: Kind::Switch,
    default: "false",
    about: "Pool the responses in the three orthogonal planes.",
    ..KEY
};

static POOLING: Key = Key {
    name: "pooling",
    kind: Kind::OneOf(&["average", "maximum"]),
    default: "average",
    about: "How responses become one.",
    ..KEY
};

static WAVELET: Key = Key {
    name: "wavelet",
    about: "The wavelet, by its name in PyWavelets.",
    ..KEY
};

static LEVEL: Key = Key {
    name: "level",
    kind: Kind::Integer(Range::of(1.0, 30.0)),
    default: "1",
    about: "Level of the decomposition.",
    ..KEY
};

static SUBBAND: Key = Key {
    name: "subband",
    about: "Filters along x, y, z: three letters of L and H, or two to filter slices.",
    ..KEY
};

static FAMILY: Key = Key {
    name: "family",
    kind: Kind::OneOf(&["simoncelli", "shannon"]),
    about: "The wavelet.",
    ..KEY
};

pub(super) static IBSI2_TYPES: [Ibsi2Type; 6] = [
    Ibsi2Type {
        name: "Mean",
        about: "Mean in a cube or square.",
        keys: &[&SUPPORT, &DIMENSIONS, &BOUNDARY],
        build: mean,
    },
    Ibsi2Type {
        name: "SampledLoG",
        about: "Laplacian of Gaussian with a sampled, truncated kernel.",
        keys: &[&SIGMA, &TRUNCATE, &DIMENSIONS, &RIESZ_ORDER, &BOUNDARY],
        build: sampled_log,
    },
    Ibsi2Type {
        name: "Laws",
        about: "Laws kernels, and their energy.",
        keys: &[&KERNELS, &ROTATIONS, &ENERGY_DISTANCE, &BOUNDARY],
        build: laws,
    },
    Ibsi2Type {
        name: "Gabor",
        about: "Modulus of the response to a 2D Gabor filter.",
        keys: &[
            &SIGMA,
            &LAMBDA,
            &GAMMA,
            &THETA,
            &THETA_STEP,
            &ORTHOGONAL_PLANES,
            &POOLING,
            &BOUNDARY,
        ],
        build: gabor,
    },
    Ibsi2Type {
        name: "SeparableWavelet",
        about: "A sub-band of a separable wavelet, undecimated.",
        keys: &[&WAVELET, &LEVEL, &SUBBAND, &ROTATIONS, &BOUNDARY],
        build: separable_wavelet,
    },
    Ibsi2Type {
        name: "NonseparableWavelet",
        about: "A band of an isotropic wavelet, or its Riesz transform.",
        keys: &[&FAMILY, &LEVEL, &DIMENSIONS, &RIESZ_ORDER, &BOUNDARY],
        build: nonseparable_wavelet,
    },
];

/// The settings that an image of these types may have of its own.
static SETTINGS: [&Key; 13] = [
    &BIN_WIDTH,
    &BIN_COUNT,
    &BIN_WIDTH_START,
    &FORCE_2D,
    &FORCE_2D_DIMENSION,
    &AGGREGATION,
    &IVH_BIN_WIDTH,
    &IVH_BIN_COUNT,
    &DISTANCES,
    &WEIGHTING_NORM,
    &SYMMETRICAL_GLCM,
    &GLDM_A,
    &VOXEL_ARRAY_SHIFT,
];

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    IBSI2_TYPES.iter().map(|of_type| of_type.name)
}

/// The images of an entry, `None` where it is not of such a type.
pub(super) fn read(pair: &Pair, report: &mut Report<'_>) -> Option<Vec<ImageEntry>> {
    let of_type = IBSI2_TYPES.iter().find(|t| t.name == &*pair.name)?;
    let entries = match &pair.value.data {
        Data::List(items) if items.len() > MAX_ITEMS => {
            report.error(
                pair.value.spot,
                format!(
                    "`{}` must be at most {MAX_ITEMS} filters, this has {}",
                    of_type.name,
                    items.len()
                ),
                "give each set of filters a file of its own",
            );
            Vec::new()
        }
        Data::List(items) => items
            .iter()
            .filter_map(|item| read_one(of_type, item, item.spot, report))
            .collect(),
        _ => read_one(of_type, &pair.value, pair.spot, report)
            .into_iter()
            .collect(),
    };
    Some(entries)
}

fn read_one(
    of_type: &'static Ibsi2Type,
    node: &Node,
    spot: Spot,
    report: &mut Report<'_>,
) -> Option<ImageEntry> {
    let what = format!("`{}`", of_type.name);
    let keys: Vec<&'static Key> = of_type.keys.iter().chain(&SETTINGS).copied().collect();
    let own = pairs(node, &what, report);
    let layer = Layer::read(own, &what, &keys, report);
    let mut is_complete = true;
    for key in of_type.keys.iter().filter(|key| key.default == REQUIRED) {
        let gives = |pair: &Pair| &*pair.name == key.name && !pair.value.is_null();
        if !own.iter().any(gives) {
            report.error(
                spot,
                format!("{what} needs `{}`", key.name),
                key.about.to_owned(),
            );
            is_complete = false;
        }
    }
    if !is_complete {
        return None;
    }
    let layers = Layers::of(&layer);
    // A value that its key does not take was reported already.
    let image_type = (of_type.build)(layers)?;
    refuse_impossible(&image_type, &layer, report);
    Some(ImageEntry {
        name: of_type.name,
        spot,
        layer,
        ibsi2: Some(image_type),
    })
}

fn boundary(layers: Layers<'_>) -> Boundary {
    match layers.text(&BOUNDARY) {
        Some("zero") => Boundary::Zero,
        Some("nearest") => Boundary::Nearest,
        Some("periodic") => Boundary::Periodic,
        _ => Boundary::Mirror,
    }
}

fn dimensions(layers: Layers<'_>) -> Dimensions {
    match layers.text(&DIMENSIONS) {
        Some("2D") => Dimensions::Two,
        _ => Dimensions::Three,
    }
}

fn pooling(layers: Layers<'_>, key: &Key) -> Option<Pooling> {
    match layers.text(key)? {
        "maximum" => Some(Pooling::Maximum),
        _ => Some(Pooling::Average),
    }
}

fn riesz_order_xyz(layers: Layers<'_>) -> Option<[u32; 3]> {
    let order = layers.numbers(&RIESZ_ORDER)?;
    let order: Vec<u32> = order.iter().map(|l| l.value() as u32).collect();
    order.try_into().ok()
}

fn mean(layers: Layers<'_>) -> Option<ImageType> {
    Some(ImageType::Mean(Mean {
        support_voxels: layers.count(&SUPPORT)?,
        dimensions: dimensions(layers),
        boundary: boundary(layers),
    }))
}

fn sampled_log(layers: Layers<'_>) -> Option<ImageType> {
    Some(ImageType::SampledLog(SampledLog {
        sigma_mm: layers.number(&SIGMA)?,
        truncate: layers.number(&TRUNCATE).unwrap_or(4.0),
        dimensions: dimensions(layers),
        riesz_order_xyz: riesz_order_xyz(layers),
        boundary: boundary(layers),
    }))
}

fn laws(layers: Layers<'_>) -> Option<ImageType> {
    Some(ImageType::Laws(Laws {
        kernels: layers.text(&KERNELS)?.to_owned(),
        rotation_invariance: pooling(layers, &ROTATIONS),
        energy_distance_voxels: layers.count(&ENERGY_DISTANCE),
        boundary: boundary(layers),
    }))
}

fn gabor(layers: Layers<'_>) -> Option<ImageType> {
    Some(ImageType::Gabor(Gabor {
        sigma_mm: layers.number(&SIGMA)?,
        lambda_mm: layers.number(&LAMBDA)?,
        gamma: layers.number(&GAMMA).unwrap_or(1.0),
        theta_rad: layers.number(&THETA).unwrap_or(0.0),
        theta_step_rad: layers.number(&THETA_STEP),
        orthogonal_planes: layers.switch(&ORTHOGONAL_PLANES).unwrap_or(false),
        pooling: pooling(layers, &POOLING).unwrap_or(Pooling::Average),
        boundary: boundary(layers),
    }))
}

fn separable_wavelet(layers: Layers<'_>) -> Option<ImageType> {
    Some(ImageType::SeparableWavelet(SeparableWavelet {
        wavelet: layers.text(&WAVELET)?.to_owned(),
        level: layers.count(&LEVEL).unwrap_or(1),
        subband: layers.text(&SUBBAND)?.to_owned(),
        rotation_invariance: pooling(layers, &ROTATIONS),
        boundary: boundary(layers),
    }))
}

fn nonseparable_wavelet(layers: Layers<'_>) -> Option<ImageType> {
    Some(ImageType::NonseparableWavelet(NonseparableWavelet {
        family: match layers.text(&FAMILY)? {
            "shannon" => NonseparableFamily::Shannon,
            _ => NonseparableFamily::Simoncelli,
        },
        level: layers.count(&LEVEL).unwrap_or(1),
        dimensions: dimensions(layers),
        riesz_order_xyz: riesz_order_xyz(layers),
        boundary: boundary(layers),
    }))
}

/// What the filter would refuse, told before an image is read. It calls the key by the name of
/// its field.
fn refuse_impossible(image_type: &ImageType, layer: &Layer, report: &mut Report<'_>) {
    let Err(error) = filters::ibsi2::check(image_type) else {
        return;
    };
    let RadiomicsError::Setting { name, value, rule } = error else {
        return report.error(layer_spot(layer), error.to_string(), "");
    };
    let field = name.replace('_', "");
    let named = |entry: &&Entry| entry.key.name.eq_ignore_ascii_case(&field);
    let entry = layer.entries.iter().find(named);
    report.error(
        entry.map_or_else(|| layer_spot(layer), |entry| entry.spot),
        format!(
            "`{}` cannot be {}",
            entry.map_or(name, |entry| entry.key.name),
            quoted(&value)
        ),
        rule,
    );
}

fn layer_spot(layer: &Layer) -> Spot {
    layer.entries.first().map_or(NOWHERE, |entry| entry.spot)
}

/// The name of an image type and the text of its keys, `None` where it is not of these.
pub(super) fn texts(image_type: &ImageType) -> Option<(&'static str, Vec<(&'static str, String)>)> {
    let real = |value: f64| super::canonical::number(Number::Real(value));
    let optional = |text: Option<String>| text.unwrap_or_else(|| "null".to_owned());
    let in_dimensions = |dimensions: Dimensions| match dimensions {
        Dimensions::Two => "2D".to_owned(),
        Dimensions::Three => "3D".to_owned(),
    };
    let pooled = |pooling: Pooling| match pooling {
        Pooling::Average => "average".to_owned(),
        Pooling::Maximum => "maximum".to_owned(),
    };
    let order = |order: Option<[u32; 3]>| optional(order.map(|order| format!("{order:?}")));
    let beyond = |boundary: Boundary| {
        let name = match boundary {
            Boundary::Zero => "zero",
            Boundary::Nearest => "nearest",
            Boundary::Periodic => "periodic",
            Boundary::Mirror => "mirror",
        };
        name.to_owned()
    };
    let word = super::canonical::word;
    Some(match image_type {
        ImageType::Mean(mean) => (
            "Mean",
            vec![
                (SUPPORT.name, mean.support_voxels.to_string()),
                (DIMENSIONS.name, in_dimensions(mean.dimensions)),
                (BOUNDARY.name, beyond(mean.boundary)),
            ],
        ),
        ImageType::SampledLog(log) => (
            "SampledLoG",
            vec![
                (SIGMA.name, real(log.sigma_mm)),
                (TRUNCATE.name, real(log.truncate)),
                (DIMENSIONS.name, in_dimensions(log.dimensions)),
                (RIESZ_ORDER.name, order(log.riesz_order_xyz)),
                (BOUNDARY.name, beyond(log.boundary)),
            ],
        ),
        ImageType::Laws(laws) => (
            "Laws",
            vec![
                (KERNELS.name, word(&laws.kernels)),
                (
                    ROTATIONS.name,
                    optional(laws.rotation_invariance.map(pooled)),
                ),
                (
                    ENERGY_DISTANCE.name,
                    optional(laws.energy_distance_voxels.map(|voxels| voxels.to_string())),
                ),
                (BOUNDARY.name, beyond(laws.boundary)),
            ],
        ),
        ImageType::Gabor(gabor) => (
            "Gabor",
            vec![
                (SIGMA.name, real(gabor.sigma_mm)),
                (LAMBDA.name, real(gabor.lambda_mm)),
                (GAMMA.name, real(gabor.gamma)),
                (THETA.name, real(gabor.theta_rad)),
                (THETA_STEP.name, optional(gabor.theta_step_rad.map(real))),
                (ORTHOGONAL_PLANES.name, gabor.orthogonal_planes.to_string()),
                (POOLING.name, pooled(gabor.pooling)),
                (BOUNDARY.name, beyond(gabor.boundary)),
            ],
        ),
        ImageType::SeparableWavelet(wavelet) => (
            "SeparableWavelet",
            vec![
                (WAVELET.name, word(&wavelet.wavelet)),
                (LEVEL.name, wavelet.level.to_string()),
                (SUBBAND.name, word(&wavelet.subband)),
                (
                    ROTATIONS.name,
                    optional(wavelet.rotation_invariance.map(pooled)),
                ),
                (BOUNDARY.name, beyond(wavelet.boundary)),
            ],
        ),
        ImageType::NonseparableWavelet(wavelet) => (
            "NonseparableWavelet",
            vec![
                (
                    FAMILY.name,
                    match wavelet.family {
                        NonseparableFamily::Simoncelli => "simoncelli".to_owned(),
                        NonseparableFamily::Shannon => "shannon".to_owned(),
                    },
                ),
                (LEVEL.name, wavelet.level.to_string()),
                (DIMENSIONS.name, in_dimensions(wavelet.dimensions)),
                (RIESZ_ORDER.name, order(wavelet.riesz_order_xyz)),
                (BOUNDARY.name, beyond(wavelet.boundary)),
            ],
        ),
        _ => return None,
    })
}
