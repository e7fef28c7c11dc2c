//! The fields of a NIfTI header that say what and where the voxels are.

use std::path::Path;

use nifti::{Endianness, NiftiHeader};

use crate::{
    geometry::{Geometry, GeometryError},
    io::{
        ReadError,
        source::Source,
        stored::{ByteOrder, Scaling, Stored, StoredType},
    },
};

const HEADER_1_BYTES: usize = 348;
const HEADER_2_BYTES: usize = 540;
/// NIfTI-2's magic ends in a line break of each kind, so that text transfers show.
const MAGIC_2: &[u8; 8] = b"n+2\0\r\n\x1a\n";
/// How far `pixdim` may be from the lengths of the affine's columns, relative.
const SPACING_TOLERANCE: f64 = 1e-3;

/// What both versions say, in one type.
pub(super) struct Header {
    shape_xyz: [usize; 3],
    pub(super) stored: Stored,
    pub(super) voxel_offset: u64,
    /// `pixdim[1..4]`, in the header's unit.
    spacing_xyz: [f64; 3],
    affine_ras: Option<[[f64; 4]; 3]>,
    mm_per_unit: f64,
}

/// The fields as they stand in the file, before any check.
struct Fields {
    byte_order: ByteOrder,
    dim: [i64; 8],
    datatype: i16,
    pixdim: [f64; 8],
    vox_offset: f64,
    header_bytes: usize,
    slope: f64,
    intercept: f64,
    units: u8,
    sform: Option<[[f64; 4]; 3]>,
    /// b, c, d of the quaternion, and the offset.
    qform: Option<[f64; 6]>,
}

pub(super) fn read(source: &mut Source) -> Result<Header, ReadError> {
    let path = source.path.clone();
    let wrong = || ReadError::Header {
        path: path.clone(),
        cause: "not a NIfTI file: neither the header's size nor its magic is NIfTI's".to_owned(),
        fix: "check that the name's ending is right, or copy the file again",
    };
    let mut bytes = [0u8; HEADER_2_BYTES];
    source.read_exact(&mut bytes[..HEADER_1_BYTES])?;
    let size = [bytes[0], bytes[1], bytes[2], bytes[3]];
    let fields = match (i32::from_le_bytes(size), i32::from_be_bytes(size)) {
        (348, _) | (_, 348) => {
            match &bytes[344..348] {
                b"n+1\0" => {}
                b"ni1\0" => return Err(pair(&path)),
                _ => return Err(wrong()),
            }
            fields_1(&bytes[..HEADER_1_BYTES]).ok_or_else(wrong)?
        }
        (540, _) | (_, 540) => {
            match &bytes[4..8] {
                b"n+2\0" if bytes[4..12] == *MAGIC_2 => {}
                b"ni2\0" => return Err(pair(&path)),
                _ => return Err(wrong()),
            }
            source.read_exact(&mut bytes[HEADER_1_BYTES..])?;
            fields_2(&bytes)
        }
        _ => return Err(wrong()),
    };
    fields.check(&path)
}

fn pair(path: &Path) -> ReadError {
    ReadError::Unsupported {
        path: path.to_owned(),
        what: "a pair of .hdr and .img".to_owned(),
        fix: "join them to one .nii with nibabel or SimpleITK",
    }
}

fn fields_1(bytes: &[u8]) -> Option<Fields> {
    let h = NiftiHeader::from_reader(bytes).ok()?;
    let wide = |row: [f32; 4]| row.map(f64::from);
    Some(Fields {
        byte_order: if h.endianness == Endianness::Little {
            ByteOrder::Little
        } else {
            ByteOrder::Big
        },
        // The standard's dims are signed.
        dim: h.dim.map(|n| i64::from(n as i16)),
        datatype: h.datatype,
        pixdim: h.pixdim.map(f64::from),
        vox_offset: f64::from(h.vox_offset),
        header_bytes: HEADER_1_BYTES,
        slope: f64::from(h.scl_slope),
        intercept: f64::from(h.scl_inter),
        units: h.xyzt_units,
        sform: (h.sform_code > 0).then(|| [wide(h.srow_x), wide(h.srow_y), wide(h.srow_z)]),
        qform: (h.qform_code > 0).then(|| {
            [
                h.quatern_b,
                h.quatern_c,
                h.quatern_d,
                h.quatern_x,
                h.quatern_y,
                h.quatern_z,
            ]
            .map(f64::from)
        }),
    })
}

/// Crate `nifti` reads version 1 only; these are the same fields at version 2's offsets.
fn fields_2(bytes: &[u8; HEADER_2_BYTES]) -> Fields {
    let byte_order = if bytes[..4] == 540i32.to_le_bytes() {
        ByteOrder::Little
    } else {
        ByteOrder::Big
    };
    fn array<const N: usize>(bytes: &[u8], at: usize, order: ByteOrder) -> [u8; N] {
        let mut value: [u8; N] = std::array::from_fn(|i| bytes[at + i]);
        if order == ByteOrder::Big {
            value.reverse();
        }
        value
    }
    let f64_at = |at| f64::from_le_bytes(array(bytes, at, byte_order));
    let i64_at = |at| i64::from_le_bytes(array(bytes, at, byte_order));
    let i32_at = |at| i32::from_le_bytes(array(bytes, at, byte_order));
    Fields {
        byte_order,
        datatype: i16::from_le_bytes(array(bytes, 12, byte_order)),
        dim: std::array::from_fn(|i| i64_at(16 + 8 * i)),
        pixdim: std::array::from_fn(|i| f64_at(104 + 8 * i)),
        vox_offset: i64_at(168) as f64,
        header_bytes: HEADER_2_BYTES,
        slope: f64_at(176),
        intercept: f64_at(184),
        units: i32_at(500).to_le_bytes()[0],
        qform: (i32_at(344) > 0).then(|| std::array::from_fn(|i| f64_at(352 + 8 * i))),
        sform: (i32_at(348) > 0).then(|| {
            std::array::from_fn(|row| std::array::from_fn(|i| f64_at(400 + 32 * row + 8 * i)))
        }),
    }
}

impl Fields {
    fn check(self, path: &Path) -> Result<Header, ReadError> {
        let header_error = |cause: String| ReadError::Header {
            path: path.to_owned(),
            cause,
            fix: "correct the header, or export the volume again",
        };
        Ok(Header {
            shape_xyz: self.shape_xyz(path)?,
            stored: Stored {
                dtype: self.dtype(path)?,
                byte_order: self.byte_order,
                scaling: if self.slope == 0.0 || !self.slope.is_finite() {
                    Scaling::NONE
                } else if self.intercept.is_finite() {
                    Scaling {
                        slope: self.slope,
                        intercept: self.intercept,
                    }
                } else {
                    return Err(header_error(format!("scl_inter is {}", self.intercept)));
                },
            },
            voxel_offset: if self.vox_offset >= self.header_bytes as f64
                && self.vox_offset < 2f64.powi(53)
                && self.vox_offset.fract() == 0.0
            {
                self.vox_offset as u64
            } else {
                return Err(header_error(format!(
                    "vox_offset is {}, where voxels start at byte {} or later",
                    self.vox_offset, self.header_bytes
                )));
            },
            spacing_xyz: [self.pixdim[1], self.pixdim[2], self.pixdim[3]],
            affine_ras: self.sform.or_else(|| self.qform_affine()),
            mm_per_unit: match self.units & 0o7 {
                1 => 1e3,
                3 => 1e-3,
                _ => 1.0,
            },
        })
    }

    fn shape_xyz(&self, path: &Path) -> Result<[usize; 3], ReadError> {
        let axes = self.dim[0];
        let error = |what: String| ReadError::Header {
            path: path.to_owned(),
            cause: what,
            fix: "give one 3D volume",
        };
        if !(1..=7).contains(&axes) {
            return Err(error(format!("dim[0] is {axes}, where 3 axes are needed")));
        }
        let dim = &self.dim[1..=axes as usize];
        if dim.iter().any(|&n| n < 1) {
            return Err(error(format!(
                "dim is {dim:?}, where each must be at least 1"
            )));
        }
        match *dim {
            [nx, ny, nz, ref rest @ ..] if rest.iter().all(|&n| n == 1) => {
                let fits = |n| usize::try_from(n).map_err(|_| error(format!("dim is {dim:?}")));
                Ok([fits(nx)?, fits(ny)?, fits(nz)?])
            }
            [_, _, _, ..] => Err(error(format!(
                "dim is {dim:?}: a series of volumes, not one (split it along its fourth axis)"
            ))),
            _ => Err(error(format!(
                "dim is {dim:?}: an image of fewer than 3 axes"
            ))),
        }
    }

    fn dtype(&self, path: &Path) -> Result<StoredType, ReadError> {
        let name = match self.datatype {
            2 => return Ok(StoredType::U8),
            4 => return Ok(StoredType::I16),
            8 => return Ok(StoredType::I32),
            16 => return Ok(StoredType::F32),
            64 => return Ok(StoredType::F64),
            256 => return Ok(StoredType::I8),
            512 => return Ok(StoredType::U16),
            768 => return Ok(StoredType::U32),
            1024 => return Ok(StoredType::I64),
            1280 => return Ok(StoredType::U64),
            1 => "single bits",
            32 | 1792 | 2048 => "complex numbers",
            128 => "RGB colours",
            2304 => "RGBA colours",
            1536 => "128-bit floats",
            _ => "a type that NIfTI does not define",
        };
        Err(ReadError::Unsupported {
            path: path.to_owned(),
            what: format!("datatype {} ({name})", self.datatype),
            fix: "store the volume as integers or as 32- or 64-bit floats",
        })
    }

    /// The standard's method 2.
    fn qform_affine(&self) -> Option<[[f64; 4]; 3]> {
        let [b, c, d, x, y, z] = self.qform?;
        // At turns of 180 degrees, which most CTs have, a is what rounding left of zero; the
        // standard's own library takes it for zero below this, and so does ITK.
        let a_squared = 1.0 - (b * b + c * c + d * d);
        let a = if a_squared < 1e-7 {
            0.0
        } else {
            a_squared.sqrt()
        };
        let norm = (a * a + b * b + c * c + d * d).sqrt();
        let [a, b, c, d] = [a, b, c, d].map(|v| v / norm);
        let qfac = if self.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        let step = [self.pixdim[1], self.pixdim[2], self.pixdim[3] * qfac];
        let turn = [
            [
                a * a + b * b - c * c - d * d,
                2.0 * (b * c - a * d),
                2.0 * (b * d + a * c),
            ],
            [
                2.0 * (b * c + a * d),
                a * a + c * c - b * b - d * d,
                2.0 * (c * d - a * b),
            ],
            [
                2.0 * (b * d - a * c),
                2.0 * (c * d + a * b),
                a * a + d * d - c * c - b * b,
            ],
        ];
        let offset = [x, y, z];
        Some(std::array::from_fn(|row| {
            [
                turn[row][0] * step[0],
                turn[row][1] * step[1],
                turn[row][2] * step[2],
                offset[row],
            ]
        }))
    }
}

impl Header {
    /// The grid in LPS and millimetres.
    pub(super) fn geometry(&self, path: &Path) -> Result<Geometry, ReadError> {
        let geometry_error = |source| ReadError::Geometry {
            path: path.to_owned(),
            source,
        };
        let pixdim_mm = self.spacing_xyz.map(|s| s * self.mm_per_unit);
        let [nx, ny, nz] = self.shape_xyz;
        let mut geometry = Geometry {
            shape_zyx: [nz, ny, nx],
            spacing_zyx_mm: [pixdim_mm[2], pixdim_mm[1], pixdim_mm[0]],
            origin_xyz_mm: [0.0; 3],
            direction: crate::geometry::IDENTITY,
        };
        // pixdim itself, before it is compared with anything.
        geometry.validate().map_err(geometry_error)?;
        let Some(affine_ras) = self.affine_ras else {
            return Ok(geometry);
        };
        let to_lps_mm = [-self.mm_per_unit, -self.mm_per_unit, self.mm_per_unit];
        let affine: [[f64; 4]; 3] =
            std::array::from_fn(|row| affine_ras[row].map(|v| v * to_lps_mm[row] + 0.0));
        let length: [f64; 3] = std::array::from_fn(|column| {
            (0..3)
                .map(|row| affine[row][column].powi(2))
                .sum::<f64>()
                .sqrt()
        });
        geometry.spacing_zyx_mm = [length[2], length[1], length[0]];
        geometry.origin_xyz_mm = affine.map(|row| row[3]);
        if !length.iter().all(|l| l.is_finite() && *l > 0.0) {
            return Err(geometry_error(GeometryError::Spacing(
                geometry.spacing_zyx_mm,
            )));
        }
        geometry.direction = affine.map(|row| std::array::from_fn(|i| row[i] / length[i]));
        geometry.validate().map_err(geometry_error)?;
        if (0..3).any(|i| (length[i] / pixdim_mm[i] - 1.0).abs() > SPACING_TOLERANCE) {
            return Err(ReadError::Header {
                path: path.to_owned(),
                cause: format!(
                    "pixdim says {pixdim_mm:?} mm a voxel along x, y, z, the orientation {length:?}"
                ),
                fix: "decide which is right and set both (in nibabel: header.set_zooms, set_sform)",
            });
        }
        Ok(geometry)
    }
}
