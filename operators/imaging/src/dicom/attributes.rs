//! Values of DICOM attributes, with errors that name file and attribute.

use std::path::Path;

use dicom_core::{DataDictionary, Tag, dictionary::DataDictionaryEntry};
use dicom_dictionary_std::StandardDataDictionary;
use dicom_object::{DefaultDicomObject, InMemDicomObject, OpenFileOptions};

use super::lengths;
use crate::io::ReadError;

const FIX: &str = "export the object again";
/// For pixels: the codec may be what is missing, not a part of the file.
pub(super) const FIX_PIXELS: &str = "export it again or, if its transfer syntax is the trouble, \
     transcode it to Explicit VR Little Endian (gdcmconv --raw)";

/// Open a DICOM file as far as `until` (not included), or all of it.
pub(super) fn open(path: &Path, until: Option<Tag>) -> Result<DefaultDicomObject, ReadError> {
    // A folder or a missing file is the system's answer, not the decoder's.
    crate::io::source::open_regular(path)?;
    lengths::check(path, until)?;
    let options = OpenFileOptions::new();
    let options = match until {
        Some(tag) => options.read_until(tag),
        None => options,
    };
    options.open_file(path).map_err(|error| {
        decoding(
            path,
            &error,
            "copy or export it again, or move it out of the folder",
        )
    })
}

/// The innermost cause says what was wrong; the outer ones name steps of the decoder.
pub(super) fn decoding(path: &Path, error: &dyn std::error::Error, fix: &'static str) -> ReadError {
    let mut cause = error.to_string();
    let mut inner = error.source();
    while let Some(error) = inner {
        cause = format!("{cause}: {error}");
        inner = error.source();
    }
    cause.truncate(cause.floor_char_boundary(300));
    ReadError::Dicom {
        path: path.to_owned(),
        cause: cause.replace('\n', " "),
        fix,
    }
}

/// An object inside a file: the data set itself or an item of a sequence.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a> {
    pub(super) path: &'a Path,
    pub(super) object: &'a InMemDicomObject,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(path: &'a Path, object: &'a InMemDicomObject) -> Self {
        Self { path, object }
    }

    /// The text of an attribute, without padding; `None` where it is absent or empty.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let text = self.object.get(tag)?.to_str().ok()?;
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.to_owned())
    }

    pub(super) fn need_text(&self, tag: Tag) -> Result<String, ReadError> {
        self.text(tag).ok_or_else(|| self.missing(tag))
    }

    pub(super) fn integer(&self, tag: Tag) -> Result<Option<i64>, ReadError> {
        match self.object.get(tag) {
            Some(element) if !element.value().is_empty_value() => element
                .to_int()
                .map(Some)
                .map_err(|_| self.wrong(tag, "no whole number")),
            _ => Ok(None),
        }
    }

    pub(super) fn need_integer<T: TryFrom<i64>>(&self, tag: Tag) -> Result<T, ReadError> {
        let value = self.integer(tag)?.ok_or_else(|| self.missing(tag))?;
        T::try_from(value).map_err(|_| self.wrong(tag, "out of range"))
    }

    /// All numbers of an attribute; `None` where it is absent or empty.
    pub(super) fn numbers(&self, tag: Tag) -> Result<Option<Vec<f64>>, ReadError> {
        match self.object.get(tag) {
            Some(element) if !element.value().is_empty_value() => {
                let numbers = element
                    .to_multi_float64()
                    .map_err(|_| self.wrong(tag, "no list of numbers"))?;
                if numbers.iter().all(|n| n.is_finite()) {
                    Ok(Some(numbers))
                } else {
                    Err(self.wrong(tag, "not finite"))
                }
            }
            _ => Ok(None),
        }
    }

    pub(super) fn number(&self, tag: Tag) -> Result<Option<f64>, ReadError> {
        Ok(self
            .numbers(tag)?
            .and_then(|numbers| numbers.first().copied()))
    }

    /// Exactly `N` numbers.
    pub(super) fn need_numbers<const N: usize>(&self, tag: Tag) -> Result<[f64; N], ReadError> {
        self.numbers(tag)?
            .ok_or_else(|| self.missing(tag))?
            .try_into()
            .map_err(|_| self.wrong(tag, "not as many numbers as the standard asks"))
    }

    /// The items of a sequence; none where it is absent.
    pub(super) fn items(
        &self,
        tag: Tag,
    ) -> impl ExactSizeIterator<Item = Attributes<'a>> + use<'a> {
        let path = self.path;
        self.object
            .get(tag)
            .and_then(|element| element.items())
            .unwrap_or_default()
            .iter()
            .map(move |object| Attributes { path, object })
    }

    /// The first item of a sequence.
    pub(super) fn item(&self, tag: Tag) -> Option<Attributes<'a>> {
        self.items(tag).next()
    }

    pub(super) fn missing(&self, tag: Tag) -> ReadError {
        self.header(format!("{} is missing", name(tag)))
    }

    pub(super) fn wrong(&self, tag: Tag, why: &str) -> ReadError {
        let value = self.text(tag).unwrap_or_default();
        let shown = value.chars().take(60).collect::<String>();
        self.header(format!("{} \"{shown}\" is {why}", name(tag)))
    }

    pub(super) fn header(&self, cause: String) -> ReadError {
        ReadError::Header {
            path: self.path.to_owned(),
            cause,
            fix: FIX,
        }
    }
}

/// The standard's name of an attribute, such as `ImagePositionPatient (0020,0032)`.
fn name(tag: Tag) -> String {
    let alias = StandardDataDictionary
        .by_tag(tag)
        .map_or("attribute", |entry| entry.alias());
    format!("{alias} {tag}")
}

trait IsEmpty {
    fn is_empty_value(&self) -> bool;
}

impl<I, P> IsEmpty for dicom_core::DicomValue<I, P> {
    fn is_empty_value(&self) -> bool {
        use dicom_core::header::HasLength;
        self.length().0 == 0
    }
}
