//! NIfTI files built from the standard's table of offsets, independent of the writer.

use std::{fs, io::Write, path::PathBuf};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

/// A folder of its own for a test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The fields that tests vary; `bytes` lays them out.
#[derive(Clone)]
pub struct Nifti {
    pub version: u8,
    pub big_endian: bool,
    pub magic: Option<Vec<u8>>,
    pub dim: Vec<i64>,
    pub datatype: i16,
    pub pixdim: [f64; 8],
    pub slope: f64,
    pub intercept: f64,
    pub units: u8,
    pub qform_code: i16,
    pub sform_code: i16,
    pub quaternion: [f64; 3],
    pub offset: [f64; 3],
    pub sform: [[f64; 4]; 3],
    pub vox_offset: Option<i64>,
    /// Voxels, already in the file's byte order.
    pub voxels: Vec<u8>,
}

impl Nifti {
    /// 2 x 3 x 4 (z, y, x) on a grid of 1, 2, 3 mm along x, y, z.
    pub fn new(datatype: i16, voxels: Vec<u8>) -> Self {
        Self {
            version: 1,
            big_endian: false,
            magic: None,
            dim: vec![3, 4, 3, 2, 1, 1, 1, 1],
            datatype,
            pixdim: [1.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0],
            slope: 1.0,
            intercept: 0.0,
            units: 2,
            qform_code: 0,
            sform_code: 1,
            quaternion: [0.0; 3],
            offset: [0.0; 3],
            sform: [
                [1.0, 0.0, 0.0, 10.0],
                [0.0, 2.0, 0.0, 20.0],
                [0.0, 0.0, 3.0, 30.0],
            ],
            vox_offset: None,
            voxels,
        }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let size = if self.version == 1 { 348 } else { 540 };
        let mut out = vec![0u8; size + 4];
        let big = self.big_endian;
        let mut put = |at: usize, mut value: Vec<u8>| {
            if big {
                value.reverse();
            }
            out[at..at + value.len()].copy_from_slice(&value);
        };
        let i16s = |v: i64| (v as i16).to_le_bytes().to_vec();
        let i32s = |v: i64| (v as i32).to_le_bytes().to_vec();
        let f32s = |v: f64| (v as f32).to_le_bytes().to_vec();
        let f64s = |v: f64| v.to_le_bytes().to_vec();
        let vox_offset = self.vox_offset.unwrap_or(size as i64 + 4);
        put(0, i32s(size as i64));
        if self.version == 1 {
            for (i, &n) in self.dim.iter().enumerate() {
                put(40 + 2 * i, i16s(n));
            }
            put(70, i16s(self.datatype.into()));
            for (i, &v) in self.pixdim.iter().enumerate() {
                put(76 + 4 * i, f32s(v));
            }
            put(108, f32s(vox_offset as f64));
            put(112, f32s(self.slope));
            put(116, f32s(self.intercept));
            put(123, vec![self.units]);
            put(252, i16s(self.qform_code.into()));
            put(254, i16s(self.sform_code.into()));
            for i in 0..3 {
                put(256 + 4 * i, f32s(self.quaternion[i]));
                put(268 + 4 * i, f32s(self.offset[i]));
                for j in 0..4 {
                    put(280 + 16 * i + 4 * j, f32s(self.sform[i][j]));
                }
            }
        } else {
            put(12, i16s(self.datatype.into()));
            for (i, &n) in self.dim.iter().enumerate() {
                put(16 + 8 * i, n.to_le_bytes().to_vec());
            }
            for (i, &v) in self.pixdim.iter().enumerate() {
                put(104 + 8 * i, f64s(v));
            }
            put(168, vox_offset.to_le_bytes().to_vec());
            put(176, f64s(self.slope));
            put(184, f64s(self.intercept));
            put(344, i32s(self.qform_code.into()));
            put(348, i32s(self.sform_code.into()));
            for i in 0..3 {
                put(352 + 8 * i, f64s(self.quaternion[i]));
                put(376 + 8 * i, f64s(self.offset[i]));
                for j in 0..4 {
                    put(400 + 32 * i + 8 * j, f64s(self.sform[i][j]));
                }
            }
            put(500, i32s(self.units.into()));
        }
        let (at, magic): (usize, &[u8]) = if self.version == 1 {
            (344, b"n+1\0")
        } else {
            (4, b"n+2\0\r\n\x1a\n")
        };
        let magic = self.magic.as_deref().unwrap_or(magic);
        out[at..at + magic.len()].copy_from_slice(magic);
        out.extend(&self.voxels);
        out
    }
}

/// 0, 1, ... 23 as 16-bit integers.
pub fn ramp_i16() -> Vec<u8> {
    (0..24i16).flat_map(i16::to_le_bytes).collect()
}
