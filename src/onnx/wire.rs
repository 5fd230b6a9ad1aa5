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
    /// Whole numbers that are fixed, by name: shapes are such.
    numbers: HashMap<String, Vec<i64>>,
}

#[derive(Debug, Default)]
struct Node {
    name: String,
    operator: String,
    /// What it works on.
    inputs: Vec<String>,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// A number of fixed length, which nothing here is told by.
    Other,
}

/// A field of a message: its number and what it holds.
type Field<'a> = (u64, Content<'a>);

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let length = rest.iter().take(10).position(|byte| *byte < 0x80)? + 1;
    let (taken, more) = rest.split_at(length);
    *rest = more;
    Some(taken.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7F)))
}

/// The fields of a message, to its last byte; `None` for what is none.
fn fields(message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut rest = message;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let length = match key & 7 {
            0 => {
                found.push((key >> 3, Content::Number(varint(&mut rest)?)));
                continue;
            }
            1 => 8,
            2 => varint(&mut rest)?,
            5 => 4,
            _ => return None,
        };
        let (bytes, more) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        rest = more;
        found.push((key >> 3, if key & 7 == 2 { Content::Bytes(bytes) } else { Content::Other }));
    }
    Some(found)
}

/// The byte strings of a message that have a number.
fn all<'a>(message: &[Field<'a>], wanted: u64) -> impl Iterator<Item = &'a [u8]> {
    message.iter().filter_map(move |(number, content)| match content {
        Content::Bytes(bytes) if *number == wanted => Some(*bytes),
        _ => None,
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The whole numbers of a tensor, if it is a short one of such.
fn numbers(tensor: &[Field<'_>]) -> Option<Vec<i64>> {
    const TYPE: u64 = 2;
    const NUMBERS: u64 = 7;
    const RAW: u64 = 9;
    const INT64: u64 = 7;
    /// No shape has more dimensions.
    const MOST: usize = 64;
    tensor.contains(&(TYPE, Content::Number(INT64))).then_some(())?;
    let mut found: Vec<i64> = tensor
        .iter()
        .filter_map(|field| match *field {
            (NUMBERS, Content::Number(number)) => Some(number as i64),
            _ => None,
        })
        .collect();
    for mut packed in all(tensor, NUMBERS) {
        while !packed.is_empty() && found.len() <= MOST {
            found.push(varint(&mut packed)? as i64);
        }
    }
    for raw in all(tensor, RAW) {
        found.extend(raw.as_chunks::<8>().0.iter().take(MOST + 1).map(|bytes| i64::from_le_bytes(*bytes)));
    }
    (found.len() <= MOST).then_some(found)
}

impl Outline {
    /// Of the bytes of a file; `None` when they are not fields of a protocol buffer to the last one, with one graph of
    /// nodes, values and tensors that are whole too.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        const GRAPH: u64 = 7;
        const NODE: u64 = 1;
        const TENSOR: u64 = 5;
        const NAME: u64 = 8;
        const PARTS: [u64; 6] = [NODE, TENSOR, 11, 12, 13, 14];
        let file = fields(bytes)?;
        let graph = all(&file, GRAPH).next()?;
        let mut outline = Self::default();
        for (number, part) in fields(graph)?.into_iter().filter(|(number, _)| PARTS.contains(number)) {
            let Content::Bytes(part) = part else { return None };
            let part = fields(part)?;
            match number {
                NODE => outline.add(&part)?,
                TENSOR => {
                    let name = all(&part, NAME).next().map(text).unwrap_or_default();
                    outline.numbers.extend(numbers(&part).map(|numbers| (name, numbers)));
                }
                _ => {}
            }
        }
        Some(outline)
    }

    fn add(&mut self, node: &[Field<'_>]) -> Option<()> {
        const INPUT: u64 = 1;
        const OUTPUT: u64 = 2;
        const NAME: u64 = 3;
        const OPERATOR: u64 = 4;
        const ATTRIBUTE: u64 = 5;
        const TENSOR_OF_ATTRIBUTE: u64 = 5;
        let index = self.nodes.len();
        self.makers.extend(all(node, OUTPUT).map(|output| (text(output), index)));
        let one = |wanted: u64| all(node, wanted).next().map(text).unwrap_or_default();
        let (name, operator) = (one(NAME), one(OPERATOR));
        for attribute in all(node, ATTRIBUTE) {
            let attribute = fields(attribute)?;
            for tensor in all(&attribute, TENSOR_OF_ATTRIBUTE) {
                let tensor = fields(tensor)?;
                if operator == "Constant" {
                    self.numbers.extend(numbers(&tensor).map(|numbers| (one(OUTPUT), numbers)));
                }
            }
        }
        self.nodes.push(Node { name, operator, inputs: all(node, INPUT).map(text).collect() });
        Some(())
    }

    /// The operator of a node.
    pub fn operator(&self, name: &str) -> Option<&str> {
        self.nodes.iter().find(|node| node.name == name).map(|node| node.operator.as_str())
    }

    /// An operator that may never come to an end.
    pub fn endless(&self) -> Option<&str> {
        let mut operators = self.nodes.iter().map(|node| node.operator.as_str());
        operators.find(|operator| ["Loop", "Scan"].contains(operator))
    }

    /// An operator that makes more numbers than `most` of a shape that is fixed in the file.
    pub fn boundless(&self, most: i64) -> Option<&str> {
        const MAKERS: [&str; 6] = ["ConstantOfShape", "Expand", "Tile", "Pad", "OneHot", "Resize"];
        let makes_too_much = |node: &&Node| {
            let product = |numbers: &Vec<i64>| {
                numbers
                    .iter()
                    .filter(|number| **number > 0)
                    .fold(1i64, |product, number| product.saturating_mul(*number))
            };
            MAKERS.contains(&node.operator.as_str())
                && node.inputs.iter().filter_map(|input| self.numbers.get(input)).any(|numbers| product(numbers) > most)
        };
        self.nodes.iter().find(makes_too_much).map(|node| node.operator.as_str())
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
            node = self.nodes.get(*self.makers.get(node.inputs.first()?)?)?;
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
    fn what_may_never_end_and_what_is_boundless_is_told() {
        let outline = |graph: &[Vec<u8>]| Outline::of(&field(7, &graph.concat())).unwrap();
        assert_eq!(outline(&[node("x", "a", "Loop")]).endless(), Some("Loop"));
        let raw = |sizes: [i64; 2]| field(9, &sizes.map(i64::to_le_bytes).concat());
        let packed = field(7, &[0x80, 0x80, 0x80, 0x80, 0x01, 0x02]);
        for (numbers, found) in [(raw([1 << 20, 1 << 20]), true), (raw([-1, 1 << 20]), false), (packed, true)] {
            let tensor = field(5, &[&[0x10, 0x07][..], &field(8, b"x"), &numbers].concat());
            let of = |operator: &str| outline(&[tensor.clone(), node("x", "a", operator)]).boundless(1 << 28).is_some();
            assert_eq!((of("ConstantOfShape"), of("Slice")), (found, false));
            let value = field(5, &field(5, &[&[0x10, 0x07][..], &numbers].concat()));
            let constant = field(1, &[field(2, b"x"), field(4, b"Constant"), value].concat());
            assert_eq!(outline(&[constant, node("x", "a", "Tile")]).boundless(1 << 28).is_some(), found);
        }
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
