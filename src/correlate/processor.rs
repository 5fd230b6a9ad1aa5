//! Running code that was compiled for this machine's processor. It needs `unsafe`: calling a function for a
//! processor is sound only on such a processor.

use std::fmt;
use std::sync::OnceLock;

/// For which processor the code was compiled that is used. Made only by asking what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processor(Level);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Any,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Work to be compiled for several processors. `run` must be `#[inline(always)]`, and so must be what
/// it calls: only what is inlined is compiled for the processor.
pub(crate) trait Work {
    /// What comes of it.
    type Output;
    /// Does it.
    fn run(self) -> Self::Output;
}

impl Processor {
    /// Code that runs on every processor.
    pub const ANY: Self = Self(Level::Any);

    /// The best that this machine has.
    pub fn best() -> Self {
        static BEST: OnceLock<Processor> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().last().copied().unwrap_or(Self::ANY))
    }

    /// All that this machine has, the best last.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "other architectures have one only")]
        let mut all = vec![Self::ANY];
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2") {
                all.push(Self(Level::Avx2));
            }
            if std::arch::is_x86_feature_detected!("avx512bw") && std::arch::is_x86_feature_detected!("avx512vl") {
                all.push(Self(Level::Avx512));
            }
        }
        all
    }

    /// Does the work in code that was compiled for this processor.
    #[inline(always)]
    #[allow(unsafe_code, reason = "this is what the module is for")]
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            Level::Any => work.run(),
            // SAFETY: this value exists only where the processor was found to have AVX2.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { avx2(work) },
            // SAFETY: this value exists only where the processor was found to have AVX-512 BW and VL.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512(work) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<W: Work>(work: W) -> W::Output {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512bw,avx512vl")]
fn avx512<W: Work>(work: W) -> W::Output {
    work.run()
}

impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Level::Any => "any processor",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "AVX-512",
        })
    }
}
