//! The fields of an NRRD header.

use std::{collections::BTreeMap, path::Path, str::FromStr};

use crate::{
    geometry::{Geometry, GeometryError, IDENTITY},
    io::{
        ReadError,
        stored::{ByteOrder, Scaling, Stored, StoredType},
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    Gzip,
}

#[derive(Debug)]
pub(super) struct Header {
    pub(super) geometry: Geometry,
    /// Values a voxel: the length of a first axis that is not one of space.
    pub(super) channels: usize,
    pub(super) stored: Stored,
    pub(super) encoding: Encoding,
    /// Relative to the header's folder; `None` where the voxels follow the header.
    pub(super) data_file: Option<String>,
    pub(super) line_skip: usize,
    /// Uncompressed bytes before the voxels; `None` counts from the end of the file.
    pub(super) byte_skip: Option<u64>,
}

/// The fields by name, and the file they stand in.
struct Fields<'a> {
    path: &'a Path,
    values: BTreeMap<String, &'a str>,
}

impl Header {
    pub(super) fn parse(path: &Path, lines: &[String]) -> Result<Self, ReadError> {
        let mut values = BTreeMap::new();
        for line in lines.iter().skip(1) {
            // `key:=value` is the user's own; `#` starts a comment.
            if line.starts_with('#') || line.contains(":=") {
                continue;
            }
            if let Some((name, value)) = line.split_once(':') {
                values.insert(name.trim().to_ascii_lowercase(), value.trim());
            }
        }
        let fields = Fields { path, values };
        let dtype = fields.dtype()?;
        let encoding = fields.encoding()?;
        let byte_skip = match fields.integer("byte skip", "byteskip")?.unwrap_or(0) {
            -1 if encoding == Encoding::Raw => None,
            skip => Some(
                u64::try_from(skip).map_err(|_| fields.error(format!("byte skip is {skip}")))?,
            ),
        };
        let line_skip = fields.integer("line skip", "lineskip")?.unwrap_or(0);
        let (geometry, channels) = fields.geometry()?;
        Ok(Self {
            geometry,
            channels,
            stored: Stored {
                dtype,
                byte_order: fields.byte_order(dtype)?,
                scaling: Scaling::NONE,
            },
            encoding,
            data_file: fields.data_file()?,
            line_skip: usize::try_from(line_skip)
                .map_err(|_| fields.error(format!("line skip is {line_skip}")))?,
            byte_skip,
        })
    }
}

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).copied()
    }

    fn need(&self, name: &str) -> Result<&str, ReadError> {
        self.get(name)
            .ok_or_else(|| self.error(format!("the header has no field \"{name}\"")))
    }

    fn error(&self, cause: String) -> ReadError {
        ReadError::Header {
            path: self.path.to_owned(),
            cause,
            fix: "correct the header, or export the volume again",
        }
    }

    fn unsupported(&self, what: String, fix: &'static str) -> ReadError {
        ReadError::Unsupported {
            path: self.path.to_owned(),
            what,
            fix,
        }
    }

    fn integer(&self, name: &str, alias: &str) -> Result<Option<i64>, ReadError> {
        self.get(name)
            .or_else(|| self.get(alias))
            .map(|text| {
                text.parse()
                    .map_err(|_| self.error(format!("{name} is \"{text}\"")))
            })
            .transpose()
    }

    fn dtype(&self) -> Result<StoredType, ReadError> {
        let name = self.need("type")?;
        Ok(match name.to_ascii_lowercase().as_str() {
            "signed char" | "int8" | "int8_t" => StoredType::I8,
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => StoredType::U8,
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => {
                StoredType::I16
            }
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => {
                StoredType::U16
            }
            "int" | "signed int" | "int32" | "int32_t" => StoredType::I32,
            "uint" | "unsigned int" | "uint32" | "uint32_t" => StoredType::U32,
            "longlong"
            | "long long"
            | "long long int"
            | "signed long long"
            | "signed long long int"
            | "int64"
            | "int64_t" => StoredType::I64,
            "ulonglong"
            | "unsigned long long"
            | "unsigned long long int"
            | "uint64"
            | "uint64_t" => StoredType::U64,
            "float" => StoredType::F32,
            "double" => StoredType::F64,
            _ => {
                return Err(self.unsupported(
                    format!("type \"{name}\""),
                    "store the volume as integers or as floats of 32 or 64 bits",
                ));
            }
        })
    }

    fn encoding(&self) -> Result<Encoding, ReadError> {
        match self.need("encoding")?.to_ascii_lowercase().as_str() {
            "raw" => Ok(Encoding::Raw),
            "gz" | "gzip" => Ok(Encoding::Gzip),
            other => Err(self.unsupported(
                format!("encoding \"{other}\""),
                "save the volume with encoding raw or gzip",
            )),
        }
    }

    fn byte_order(&self, dtype: StoredType) -> Result<ByteOrder, ReadError> {
        match self.get("endian").map(str::to_ascii_lowercase).as_deref() {
            Some("little") => Ok(ByteOrder::Little),
            Some("big") => Ok(ByteOrder::Big),
            None if dtype.bytes() == 1 => Ok(ByteOrder::Little),
            other => Err(self.error(format!(
                "endian is {}, where little or big is needed",
                other.unwrap_or("missing")
            ))),
        }
    }

    fn data_file(&self) -> Result<Option<String>, ReadError> {
        let Some(name) = self.get("data file").or_else(|| self.get("datafile")) else {
            return Ok(None);
        };
        if name.starts_with("LIST") || name.contains('%') {
            return Err(self.unsupported(
                "a volume in several data files".to_owned(),
                "save it as one .nrrd",
            ));
        }
        Ok(Some(name.to_owned()))
    }

    /// The grid and the number of channels.
    fn geometry(&self) -> Result<(Geometry, usize), ReadError> {
        let dimension = self.need("dimension")?;
        // A first axis without a direction in space counts the channels of a segmentation.
        let has_channels = dimension == "4"
            && self
                .get("space directions")
                .is_some_and(|directions| directions.trim_start().starts_with("none"));
        if dimension != "3" && !has_channels {
            return Err(self.unsupported(
                format!("an array of dimension {dimension}"),
                "give one 3D volume, or a segmentation whose first axis counts its layers",
            ));
        }
        let sizes = self.need("sizes")?;
        let mut words = sizes.split_whitespace();
        let channels = if has_channels {
            words.next().and_then(|word| word.parse::<usize>().ok())
        } else {
            Some(1)
        };
        let (Some(channels @ 1..), Some([nx, ny, nz])) = (channels, three(words)) else {
            return Err(self.error(format!(
                "sizes is \"{sizes}\", where {dimension} whole numbers are needed"
            )));
        };
        let sign = self.sign_to_lps()?;
        let origin = match self.get("space origin") {
            Some(text) => self.vector("space origin", text)?,
            None => [0.0; 3],
        };
        let (spacing_xyz_mm, direction) = self.axes(sign)?;
        let geometry = Geometry {
            shape_zyx: [nz, ny, nx],
            spacing_zyx_mm: [spacing_xyz_mm[2], spacing_xyz_mm[1], spacing_xyz_mm[0]],
            origin_xyz_mm: std::array::from_fn(|i| sign[i] * origin[i] + 0.0),
            direction,
        };
        geometry
            .validate()
            .map_err(|source| self.geometry_error(source))?;
        if geometry.len().checked_mul(channels).is_none() {
            return Err(self.error(format!("sizes is \"{sizes}\", which is too large")));
        }
        Ok((geometry, channels))
    }

    fn geometry_error(&self, source: GeometryError) -> ReadError {
        ReadError::Geometry {
            path: self.path.to_owned(),
            source,
        }
    }

    /// Signs that bring the header's world to LPS.
    fn sign_to_lps(&self) -> Result<[f64; 3], ReadError> {
        if let Some(units) = self.get("space units")
            && units
                .split_whitespace()
                .any(|unit| unit.trim_matches('"') != "mm")
        {
            return Err(self.unsupported(format!("space units {units}"), "save the volume in mm"));
        }
        let Some(space) = self.get("space") else {
            return Ok([1.0; 3]);
        };
        match space.to_ascii_lowercase().as_str() {
            "left-posterior-superior" | "lps" => Ok([1.0, 1.0, 1.0]),
            "right-anterior-superior" | "ras" => Ok([-1.0, -1.0, 1.0]),
            "left-anterior-superior" | "las" => Ok([1.0, -1.0, 1.0]),
            _ => Err(self.unsupported(
                format!("space \"{space}\""),
                "save the volume in left-posterior-superior or right-anterior-superior",
            )),
        }
    }

    /// Spacing and direction cosines of the array's axes.
    fn axes(&self, sign: [f64; 3]) -> Result<([f64; 3], [[f64; 3]; 3]), ReadError> {
        let Some(text) = self.get("space directions") else {
            let Some(text) = self.get("spacings") else {
                return Err(
                    self.error("the header has neither space directions nor spacings".to_owned())
                );
            };
            return match three(text.split_whitespace()) {
                Some(spacings) => Ok((spacings, IDENTITY)),
                None => Err(self.error(format!(
                    "spacings is \"{text}\", where 3 numbers are needed"
                ))),
            };
        };
        let vectors = text
            .trim_start()
            .trim_start_matches("none")
            .split_inclusive(')')
            .filter(|vector| !vector.trim().is_empty())
            .map(|vector| self.vector("space directions", vector))
            .collect::<Result<Vec<_>, _>>()?;
        let [x, y, z] = vectors[..] else {
            return Err(self.error(format!(
                "space directions is \"{text}\", where 3 vectors are needed"
            )));
        };
        let spacing = [x, y, z].map(|v: [f64; 3]| v.iter().map(|c| c * c).sum::<f64>().sqrt());
        if !spacing.iter().all(|s| s.is_finite() && *s > 0.0) {
            return Err(
                self.geometry_error(GeometryError::Spacing([spacing[2], spacing[1], spacing[0]]))
            );
        }
        let axes = [x, y, z];
        let direction = std::array::from_fn(|row| {
            std::array::from_fn(|axis| axes[axis][row] * sign[row] / spacing[axis] + 0.0)
        });
        Ok((spacing, direction))
    }

    /// `(a,b,c)`
    fn vector(&self, name: &str, text: &str) -> Result<[f64; 3], ReadError> {
        let error = || {
            self.error(format!(
                "{name} holds \"{}\", where (a,b,c) is needed",
                text.trim()
            ))
        };
        text.trim()
            .strip_prefix('(')
            .and_then(|text| text.strip_suffix(')'))
            .and_then(|text| three(text.split(',').map(str::trim)))
            .ok_or_else(error)
    }
}

/// Exactly three numbers.
fn three<'a, T: FromStr>(words: impl Iterator<Item = &'a str>) -> Option<[T; 3]> {
    let numbers: Vec<T> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}
