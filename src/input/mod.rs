//! Bytes to fragments.

/// Caps that protect memory and time from numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Notes in a file.
    pub notes: u64,
    /// Length of a file in quarters.
    pub quarters: u64,
    /// Length of a file in seconds.
    pub seconds: u64,
    /// Size of a file in bytes.
    pub bytes: u64,
}

impl Default for Limits {
    /// 2 million notes, 200,000 quarters, 24 hours, 64 MiB.
    fn default() -> Self {
        Self { notes: 2_000_000, quarters: 200_000, seconds: 24 * 3600, bytes: 64 << 20 }
    }
}
