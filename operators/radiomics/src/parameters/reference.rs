//! The reference page of the parameter file, made from its keys.

use std::fmt::Write;

use super::{
    images::FILTER_TYPES,
    images_ibsi2::{IBSI2_TYPES, REQUIRED},
    keys::{SETTINGS, VOXEL_SETTINGS},
    schema::{Key, Origin, Reader},
};

const START: &str = "\
# Parameter file

What an extraction computes, in one file. A parameter file of
[PyRadiomics](https://pyradiomics.readthedocs.io/en/latest/customization.html) is read as it is,
in YAML or JSON. This page is made from the code (do not edit by hand).

```yaml
imageType:
  Original: {}
  LoG: {sigma: [1.0, 3.0]}
  Wavelet: {binWidth: 10}
featureClass:
  shape:
  firstorder: [Mean, Median]
  glcm: []
setting:
  binWidth: 25
  resampledPixelSpacing: [1, 1, 1]
  label: 1
```

| section | what it says | where it is absent |
|---|---|---|
| `imageType` | the images that features are computed on, each with settings of its own that \
override `setting` | `Original` |
| `featureClass` | classes, each with a list of [features](features.md); `[]` and nothing mean all \
default ones | all classes of the preset |
| `setting` | the keys below | their defaults |
| `voxelSetting` | keys for maps | their defaults |
| `compat` | the preset: `pyradiomics` or `ibsi` (not in PyRadiomics) | `pyradiomics` |

Columns come in the order of the file: shape, then image by image, class by class.
`null`, or nothing after the colon, is the default, or \"no\" where the default is `null`; in the
mapping of an image type it hides what `setting` says. A key that does not exist, a value that its
key does not take, and a key that is there twice are errors, all of which are reported at once.

## Presets

| | `compat: pyradiomics` | `compat: ibsi` |
|---|---|---|
| definitions where the standards differ | PyRadiomics' | IBSI's reference manual |
| classes where `featureClass` is absent | PyRadiomics' | every class with an IBSI code |
| features of a class without a list | PyRadiomics' default ones | those with an IBSI code of \
their own |
| `binWidth` | levels with an edge at 0 | IBSI's fixed bin size: levels from `binWidthStart` |

A class that PyRadiomics lacks may be named under either preset, and so may every key and image
type; under `compat: pyradiomics` such a class without a list yields the features that have an
IBSI code.

## Where a file is read otherwise than by PyRadiomics

- A file that PyRadiomics takes and then fails on is refused here when it is read: a bin width
  in quotes, a spacing of two numbers, a continuous wavelet.
- Interpolators other than nearest neighbour, linear and B-spline are refused.
- A section or an image type with nothing in it means its defaults; PyRadiomics refuses it.
- A key that is in a JSON object twice is an error; PyRadiomics takes the last.
- An image type cannot have a `label` of its own.
- Tags (`!!float`) are refused.
- A feature that PyRadiomics deprecates is computed where it is named, with a warning; PyRadiomics
  leaves some of their columns out.
";

/// The page as Markdown.
pub(crate) fn markdown() -> String {
    let mut page = START.to_owned();
    page.push_str(
        "\n## `setting`\n\nThe column *P* says whether PyRadiomics has the key. Ranges that it \
         lacks keep an extraction within memory.\n",
    );
    table(
        &mut page,
        "Before images are derived",
        "They are the same for all images.",
        SETTINGS
            .iter()
            .filter(|key| key.reader == Reader::Preparation),
    );
    table(
        &mut page,
        "Grey levels and neighbours",
        "An image type may have its own.",
        SETTINGS
            .iter()
            .filter(|key| matches!(key.reader, Reader::Image | Reader::Classes(_))),
    );
    table(
        &mut page,
        "Filters",
        "Under `setting`, or in the mapping of the image type.",
        SETTINGS
            .iter()
            .filter(|key| matches!(key.reader, Reader::Filters(_))),
    );
    page.push_str("\n## `voxelSetting`\n");
    rows(&mut page, VOXEL_SETTINGS.iter());
    page.push_str("\n## `imageType`\n\n| image type | image | P |\n|---|---|---|\n");
    for filter in &FILTER_TYPES {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{}` | {} | yes |", filter.name, filter.about);
    }
    for filter in &IBSI2_TYPES {
        let _ = writeln!(
            page,
            "| [`{}`](#{}) | {} | no |",
            filter.name,
            filter.name.to_lowercase(),
            filter.about
        );
    }
    page.push_str(
        "\nThe last six are the filters of IBSI 2 (arXiv:2006.05470). Each may be given several \
         times, as a list: `Laws: [{kernels: L5E5S5}, {kernels: E5E5E5}]`. Besides their own keys \
         they take those of *Grey levels and neighbours*.\n",
    );
    for filter in &IBSI2_TYPES {
        table(&mut page, filter.name, filter.about, filter.keys.iter());
    }
    page
}

fn table<'a>(
    page: &mut String,
    title: &str,
    text: &str,
    keys: impl Iterator<Item = &'a &'static Key>,
) {
    let _ = write!(page, "\n### {title}\n\n{text}\n");
    rows(page, keys);
}

fn rows<'a>(page: &mut String, keys: impl Iterator<Item = &'a &'static Key>) {
    page.push_str("\n| key | value | default | what it does | P |\n|---|---|---|---|---|\n");
    for key in keys {
        let unit = match key.unit {
            "" => String::new(),
            unit => format!("; {unit}"),
        };
        let default = match key.default {
            REQUIRED => "must be given".to_owned(),
            default => format!("`{default}`"),
        };
        let readers = match key.reader {
            Reader::Filters(names) | Reader::Classes(names) => {
                let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                format!(" Read by {}.", names.join(", "))
            }
            _ => String::new(),
        };
        let origin = match key.origin {
            Origin::PyRadiomics => "yes",
            Origin::Ours => "no",
        };
        let _ = writeln!(
            page,
            "| `{}` | {}{unit} | {default} | {}{readers} | {origin} |",
            key.name,
            key.kind.words(),
            key.about
        );
    }
}
