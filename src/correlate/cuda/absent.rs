//! Why there is no graphics processor to use.

/// Why the correlation cannot run on a graphics processor here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Absent {
    /// The crate was built without the feature `cuda`.
    #[error("this program was built without CUDA: build it with the feature cuda")]
    NotBuilt,
    /// The driver's library is not installed.
    #[error("no NVIDIA driver is installed: libcuda is not found")]
    NoDriver,
    /// The driver lacks a function that is used.
    #[error("the NVIDIA driver is too old, it has no {symbol}: update it")]
    OldDriver {
        /// The function's name.
        symbol: &'static str,
    },
    /// The driver knows of no device.
    #[error("the NVIDIA driver finds no graphics processor")]
    NoDevice,
    /// The device is too old for the kernels.
    #[error("{name} has compute capability {major}.{minor}, and 8.0 or newer is needed")]
    OldDevice {
        /// The device's name.
        name: String,
        /// Its compute capability.
        major: i32,
        /// The part after the point.
        minor: i32,
    },
    /// A call of the driver failed.
    #[error("the graphics processor cannot be used: {action} failed with {code}")]
    Refused {
        /// What was attempted.
        action: &'static str,
        /// The driver's name for the error.
        code: String,
    },
}
