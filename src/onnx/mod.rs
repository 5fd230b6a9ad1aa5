//! Networks in ONNX files, run by rten.

mod wire;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rten::{LoadErrorKind, Model, ModelOptions, NodeId};

pub(crate) use self::wire::Outline;
use crate::contain::contained;
use crate::error::{Error, NetworkProblem, Origin, Result};

/// A larger file is not read.
const LARGEST: u64 = 256 << 20;

/// Most numbers that an operator may make of a shape that is fixed in the file.
const MOST_NUMBERS: i64 = 1 << 28;

/// A network that was read.
pub(crate) struct Loaded {
    pub model: Model,
    /// What its file says of its operators.
    pub outline: Outline,
    /// Of the bytes of the file.
    #[cfg_attr(not(feature = "audio"), expect(dead_code, reason = "only transcribers are told apart by it"))]
    pub checksum: u32,
}

/// Reads a network.
///
/// Before the library for networks sees the bytes they must be whole protocol buffers, with a graph in them: on other
/// bytes the library may not come to an end. Loops are refused, since they may not either, and so are shapes that would take
/// all memory, as far as they are fixed. More is not done: a network is a program, and one that nobody trusts should be
/// looked at first.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read; [`Error::Network`] when it is no network that can be run here.
pub(crate) fn load(path: &Path) -> Result<Loaded> {
    let failed = |error| Error::io("read", path)(error);
    let wrong = |problem: NetworkProblem| Error::Network { origin: Origin::from(path), problem };
    // Asked before opening: a pipe would be waited for, a device read for ever.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(wrong(NetworkProblem::NotOnnx));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(NetworkProblem::TooLarge { mebibytes: LARGEST >> 20 }));
    }
    let checksum = crc32fast::hash(&bytes);
    let outline = Outline::of(&bytes).ok_or_else(|| wrong(NetworkProblem::NotOnnx))?;
    if let Some(operator) = outline.endless() {
        return Err(wrong(NetworkProblem::Operator { operator: operator.to_owned() }));
    }
    if let Some(operator) = outline.boundless(MOST_NUMBERS) {
        let what = format!("its operator {operator} makes more than {MOST_NUMBERS} numbers; give a smaller network");
        return Err(wrong(NetworkProblem::Shape { what }));
    }
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true);
    match contained(|| options.load(bytes)) {
        Some(Ok(model)) => Ok(Loaded { model, outline, checksum }),
        Some(Err(error)) => {
            let reason = one_line(&error.to_string());
            let unavailable = reason.contains("operator not supported") || reason.contains("operator not enabled");
            let operator = error.node().and_then(|node| outline.operator(node)).map(str::to_owned);
            let operator = operator.or_else(|| operator_in(&reason)).filter(|_| unavailable);
            Err(wrong(match (error.kind(), operator) {
                (LoadErrorKind::OperatorInvalid, Some(operator)) => NetworkProblem::Operator { operator },
                _ => NetworkProblem::Unreadable { reason },
            }))
        }
        None => Err(wrong(NetworkProblem::NotOnnx)),
    }
}

/// The operator that a message names before "operator not supported".
fn operator_in(reason: &str) -> Option<String> {
    let before = reason.split(" operator not ").next()?;
    before.rsplit([' ', ':']).next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// A message of the library as part of one line.
pub(crate) fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name of a value.
pub(crate) fn name(model: &Model, id: NodeId) -> &str {
    model.node_info(id).and_then(|info| info.name()).unwrap_or_default()
}
