//! Which correlator to use, decided by cost and told as plain data.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use num_integer::gcd;
use serde::{Deserialize, Serialize};

use super::{Absent, Correlator, Cuda, Fft, Lags, Overlap, Peak, Prepared, Reference, Search, Sparse, cost};
use crate::error::{Error, Result};

/// The ways to compute a correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Backend {
    /// Pixel by pixel, the definition.
    Reference,
    /// From note starts and stops.
    Sparse,
    /// By Fourier transform.
    Fft,
    /// On a graphics processor.
    Cuda,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reference => "reference",
            Self::Sparse => "sparse",
            Self::Fft => "fft",
            Self::Cuda => "cuda",
        })
    }
}

/// A backend, or the cheapest for each pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum BackendChoice {
    /// The cheapest for each pair.
    #[default]
    Auto,
    /// Always this one.
    Only(Backend),
}

impl FromStr for BackendChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "auto" => Self::Auto,
            "reference" => Self::Only(Backend::Reference),
            "sparse" => Self::Only(Backend::Sparse),
            "fft" => Self::Only(Backend::Fft),
            "cuda" => Self::Only(Backend::Cuda),
            _ => {
                return Err(Error::Option {
                    name: "backend",
                    value: text.to_owned(),
                    expected: "auto, sparse, fft, cuda or reference",
                });
            }
        })
    }
}

/// What was decided for a pair, and the estimates it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The backend to use.
    pub backend: Backend,
    /// Estimated nanoseconds by the sparse method.
    pub sparse: f64,
    /// Estimated nanoseconds by Fourier transform, spectra at hand.
    pub fft: f64,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (estimated {:.1} us by sparse, {:.1} us by fft)", self.backend, self.sparse / 1e3, self.fft / 1e3)
    }
}

/// Where a number of searches cost less, and the estimates that it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchPlan {
    /// Estimated nanoseconds on the processor, all its threads.
    pub processor: f64,
    /// Estimated nanoseconds on a graphics processor, those to begin with included.
    pub device: f64,
    /// Estimated nanoseconds to open it and to send it the exemplars, where that is to be done.
    pub begin: f64,
}

impl SearchPlan {
    /// For so many exemplars, fragments, and alterations of each; `there` says whether the exemplars have been sent
    /// already.
    pub fn new(exemplars: usize, fragments: usize, there: bool, alterations: usize) -> Self {
        let (processor, begin, device) = cost::search(exemplars, fragments, alterations, rayon::current_num_threads());
        let begin = if there { 0.0 } else { begin };
        Self { processor, device: begin + device, begin }
    }

    /// Whether a graphics processor is worth it.
    pub fn pays(&self) -> bool {
        self.device < self.processor
    }
}

impl fmt::Display for SearchPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pays() { "cuda" } else { "sparse" };
        write!(f, "{place} (estimated {:.1} ms by sparse, {:.1} ms by cuda)", self.processor / 1e6, self.device / 1e6)
    }
}

/// A correlator that hands each pair to the backend that its plan names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Planner {
    choice: BackendChoice,
}

impl Planner {
    /// A planner that is free to choose, or not. Where there is no graphics processor ([`Cuda::new`] says why),
    /// what is asked of [`Backend::Cuda`] is computed by the sparse method.
    pub fn new(choice: BackendChoice) -> Self {
        Self { choice }
    }

    /// Whether pairs may be handed to the sparse method.
    pub(crate) fn may_be_sparse(&self) -> bool {
        matches!(self.choice, BackendChoice::Auto | BackendChoice::Only(Backend::Sparse | Backend::Cuda))
    }

    /// Whether fragments are searched on a graphics processor, as a plan says; `before` is what earlier searches took
    /// that might have been done there.
    pub(crate) fn may_use_device(&self, plan: SearchPlan, before: Duration) -> bool {
        match self.choice {
            BackendChoice::Only(backend) => backend == Backend::Cuda && Cuda::new().is_ok(),
            BackendChoice::Auto => {
                plan.device - plan.begin < plan.processor
                    && plan.device < plan.processor + before.as_nanos() as f64
                    && Cuda::new().is_ok()
            }
        }
    }

    /// Decides for a pair over some lags, without computing anything.
    pub fn plan(&self, fragment: &Prepared, exemplar: &Prepared, lags: &Lags, grid: u32) -> Plan {
        let sparse = cost::sparse(fragment, exemplar, lags, grid);
        let fft = cost::fft(fragment, exemplar, lags);
        let cheapest = if fft < sparse { Backend::Fft } else { Backend::Sparse };
        let backend = match self.choice {
            BackendChoice::Auto => cheapest,
            BackendChoice::Only(backend) => backend,
        };
        Plan { backend, sparse, fft }
    }

    fn of_search(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> &'static dyn Correlator {
        if let BackendChoice::Only(backend) = self.choice {
            return correlator(backend);
        }
        let grid = gcd(fragment.events().grid(), exemplar.events().grid());
        match search.lags(fragment.roll(), exemplar.roll()) {
            Some(lags) => self.logged(fragment, exemplar, &lags, grid),
            None => correlator(Backend::Sparse),
        }
    }

    fn logged(&self, fragment: &Prepared, exemplar: &Prepared, lags: &Lags, grid: u32) -> &'static dyn Correlator {
        let plan = self.plan(fragment, exemplar, lags, grid);
        log::trace!("{} x {} events: {plan}", fragment.events().len(), exemplar.events().len());
        correlator(plan.backend)
    }
}

fn correlator(backend: Backend) -> &'static dyn Correlator {
    static SPARSE: LazyLock<Sparse> = LazyLock::new(Sparse::default);
    static CUDA: LazyLock<Result<Cuda, Absent>> = LazyLock::new(Cuda::new);
    match backend {
        Backend::Reference => &Reference,
        Backend::Sparse => &*SPARSE,
        Backend::Fft => &Fft,
        Backend::Cuda => match &*CUDA {
            Ok(cuda) => cuda,
            Err(_) => &*SPARSE,
        },
    }
}

impl Correlator for Planner {
    /// The backend that is always used, or the one that is used unless it costs more.
    fn backend(&self) -> Backend {
        match self.choice {
            BackendChoice::Auto => Backend::Sparse,
            BackendChoice::Only(backend) => backend,
        }
    }

    fn overlap(&self, fragment: &Prepared, exemplar: &Prepared, lags: &Lags) -> Overlap {
        self.logged(fragment, exemplar, lags, 1).overlap(fragment, exemplar, lags)
    }

    fn peak(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> Option<Peak> {
        self.of_search(fragment, exemplar, search).peak(fragment, exemplar, search)
    }

    fn brightest(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> f64 {
        self.of_search(fragment, exemplar, search).brightest(fragment, exemplar, search)
    }

    fn brightest_by_transposition(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> (i32, Vec<f64>) {
        self.of_search(fragment, exemplar, search).brightest_by_transposition(fragment, exemplar, search)
    }
}
