//! The protocol buffers of an ONNX file, as far as we look into them ourselves: which operator makes which value.
//!
//! Numbers of fields are those of `onnx.proto`.

use std::collections::HashMap;

/// What a file says of its operators.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    nodes: Vec<Node>,
    /// By the name of each value the node that makes it.
    makers: HashMap<String, usize>,
}

#[derive(Debug, Default)]
struct Node {
    name: String,
    operator: String,
    /// What it works on.
    input: Option<String>,
}

/// A field of a message: its number, and its bytes if it has some.
type Field<'a> = (u64, Option<&'a [u8]>);

/// The fields of a message, to its last byte; `None` for what is none.
fn fields(message: &[u8]) -> Option<Vec<Field<'_>>> {
    fn varint(rest: &mut &[u8]) -> Option<u64> {
        let length = rest.iter().take(10).position(|byte| *byte < 0x80)? + 1;
        let (taken, more) = rest.split_at(length);
        *rest = more;
        Some(taken.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7F)))
    }
    let mut rest = message;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let (length, kept) = match key & 7 {
            0 => (varint(&mut rest).map(|_| 0)?, false),
            1 => (8, false),
            2 => (varint(&mut rest)?, true),
            5 => (4, false),
            _ => return None,
        };
        let (bytes, more) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        rest = more;
        found.push((key >> 3, kept.then_some(bytes)));
    }
    Some(found)
}

impl Outline {
    /// Of the bytes of a file; `None` when they are not fields of a protocol buffer to the last one, with one graph of
    /// nodes, values and tensors that are whole too.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        const GRAPH: u64 = 7;
        const NODE: u64 = 1;
        const PARTS: [u64; 6] = [NODE, 5, 11, 12, 13, 14];
        let graph =
            fields(bytes)?.into_iter().filter_map(|(number, bytes)| (number == GRAPH).then_some(bytes)).next()??;
        let mut outline = Self::default();
        for (number, part) in fields(graph)? {
            if !PARTS.contains(&number) {
                continue;
            }
            let inner = fields(part?)?;
            if number == NODE {
                outline.add(&inner);
            }
        }
        Some(outline)
    }

    fn add(&mut self, node: &[Field<'_>]) {
        const INPUT: u64 = 1;
        const OUTPUT: u64 = 2;
        const NAME: u64 = 3;
        const OPERATOR: u64 = 4;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = |wanted: u64| {
            node.iter().filter(move |(number, _)| *number == wanted).filter_map(move |(_, bytes)| bytes.map(text))
        };
        let index = self.nodes.len();
        self.makers.extend(all(OUTPUT).map(|output| (output, index)));
        let (name, operator) = (all(NAME).next().unwrap_or_default(), all(OPERATOR).next().unwrap_or_default());
        self.nodes.push(Node { name, operator, input: all(INPUT).next() });
    }

    /// The operator of a node.
    pub fn operator(&self, name: &str) -> Option<&str> {
        self.nodes.iter().find(|node| node.name == name).map(|node| node.operator.as_str())
    }

    /// The operator that makes the numbers of a value; those that only shape or copy it are passed over.
    pub fn made_by(&self, value: &str) -> Option<&str> {
        const SHAPING: [&str; 8] =
            ["Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Cast", "Dropout"];
        let mut node = self.nodes.get(*self.makers.get(value)?)?;
        // A graph has no circles, but a file might.
        for _ in 0..self.nodes.len() {
            if !SHAPING.contains(&node.operator.as_str()) {
                break;
            }
            node = self.nodes.get(*self.makers.get(node.input.as_ref()?)?)?;
        }
        Some(&node.operator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    fn node(input: &str, output: &str, operator: &str) -> Vec<u8> {
        let parts = [(1, input), (2, output), (3, output), (4, operator)];
        field(1, &parts.map(|(number, text)| field(number, text.as_bytes())).concat())
    }

    #[test]
    fn tells_what_makes_a_value() {
        let graph = [node("x", "a", "Conv"), node("a", "b", "Softmax"), node("b", "c", "Reshape")].concat();
        let outline = Outline::of(&[&[0x08, 0x07][..], &field(7, &graph)].concat()).unwrap();
        assert_eq!(
            (outline.made_by("c"), outline.made_by("a"), outline.made_by("x")),
            (Some("Softmax"), Some("Conv"), None)
        );
        assert_eq!((outline.operator("b"), outline.operator("z")), (Some("Softmax"), None));
        let circle = field(7, &[node("b", "a", "Identity"), node("a", "b", "Identity")].concat());
        assert_eq!(Outline::of(&circle).unwrap().made_by("a"), Some("Identity"));
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let whole = field(7, &node("x", "a", "Conv"));
        assert!(Outline::of(&whole).is_some());
        for length in 0..whole.len() {
            assert!(Outline::of(&whole[..length]).is_none(), "{length}");
        }
        for bytes in [&b"MThd"[..], &[0xFF; 64], b"\x08\x07\x12\x04test", b"\x3a\x02\x0a\x05", b"\x38\x01"] {
            assert!(Outline::of(bytes).is_none());
        }
    }
}
