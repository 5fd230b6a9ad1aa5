//! A network as an ONNX file.

use prost::Message;

use super::network::Weights;
use super::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, DimensionValue, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto,
};
use crate::cnn::Recipe;

/// The version of the file's form, and of the operators.
const IR_VERSION: i64 = 8;
const OPERATOR_SET: i64 = 17;

/// The bytes of an ONNX file: the network, and in its metadata the recipe as [`Recipe`] says.
pub fn onnx(recipe: &Recipe, weights: &Weights) -> Vec<u8> {
    let mut graph = Graph::default();
    let (_, rows, _) = recipe.shape();
    let mut embeddings = Vec::with_capacity(weights.towers.len());
    for (tower, stages) in (1..).zip(&weights.towers) {
        let mut seen = Recipe::INPUT.to_owned();
        let parameters = Weights::ends(recipe.channels.len()).zip(stages);
        for (number, ((inputs, outputs, stage), (weight, bias))) in (1..).zip(parameters) {
            let name = |what: &str| format!("tower{tower}.stage{number}.{what}");
            let [height, width] = stage.kernel(rows);
            let weight = graph.numbers(name("weight"), &[outputs, inputs, height, width], weight);
            let bias = graph.numbers(name("bias"), &[outputs], bias);
            let padding = stage.padding();
            let attributes = vec![
                integers("kernel_shape", &[height, width]),
                integers("strides", &[1, stage.stride]),
                integers("dilations", &[1, stage.dilation]),
                integers("pads", &[0, padding, 0, padding]),
            ];
            let made = graph.node("Conv", vec![seen.clone(), weight, bias], name("convolution"), attributes);
            let lit = graph.node("Relu", vec![made], name("lit"), vec![]);
            seen = if stage.added { graph.node("Add", vec![seen, lit], name("sum"), vec![]) } else { lit };
        }
        let name = |what: &str| format!("tower{tower}.{what}");
        embeddings.push(graph.node("GlobalAveragePool", vec![seen.clone()], name("mean"), vec![]));
        embeddings.push(graph.node("GlobalMaxPool", vec![seen], name("most"), vec![]));
    }
    let all = graph.node("Concat", embeddings, "all".into(), vec![integer("axis", 1)]);
    let embedding = graph.node("Flatten", vec![all], Recipe::EMBEDDING.into(), vec![integer("axis", 1)]);
    let weight = graph.numbers("sum.weight".into(), &[weights.embedding(), 1], &weights.dense);
    let bias = graph.numbers("sum.bias".into(), &[1], &[weights.offset]);
    graph.node("Gemm", vec![embedding, weight, bias], Recipe::LOGIT.into(), vec![]);

    let (channels, pitches, columns) = recipe.shape();
    let graph = GraphProto {
        node: graph.nodes,
        name: "judge".into(),
        initializer: graph.initializers,
        input: vec![value(Recipe::INPUT, &[channels, pitches, columns])],
        output: vec![value(Recipe::LOGIT, &[1]), value(Recipe::EMBEDDING, &[weights.embedding()])],
    };
    ModelProto {
        ir_version: IR_VERSION,
        producer_name: "judge".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        model_version: i64::from(recipe.version),
        doc_string: "Whether a short piece of music is good: the logarithm of the odds, divided by nothing yet. The \
                     metadata judge.recipe says how a piece is drawn and how the output is read."
            .into(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATOR_SET }],
        metadata_props: vec![StringStringEntryProto { key: Recipe::KEY.into(), value: recipe.to_json() }],
    }
    .encode_to_vec()
}

/// Steps and numbers so far.
#[derive(Default)]
struct Graph {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl Graph {
    /// Adds a step; the answer is the name of its output.
    fn node(&mut self, kind: &str, input: Vec<String>, output: String, attribute: Vec<AttributeProto>) -> String {
        let (name, op_type) = (output.clone(), kind.to_owned());
        self.nodes.push(NodeProto { input, output: vec![output.clone()], name, op_type, attribute });
        output
    }

    /// Adds numbers; the answer is their name.
    fn numbers(&mut self, name: String, shape: &[usize], numbers: &[f32]) -> String {
        debug_assert_eq!(shape.iter().product::<usize>(), numbers.len());
        self.initializers.push(TensorProto {
            dims: shape.iter().map(|size| *size as i64).collect(),
            data_type: DataType::Float.into(),
            name: name.clone(),
            raw_data: numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        });
        name
    }
}

fn integer(name: &str, i: usize) -> AttributeProto {
    AttributeProto { name: name.into(), i: i as i64, ints: vec![], r#type: AttributeType::Int.into() }
}

fn integers(name: &str, ints: &[usize]) -> AttributeProto {
    let ints = ints.iter().map(|value| *value as i64).collect();
    AttributeProto { name: name.into(), i: 0, ints, r#type: AttributeType::Ints.into() }
}

/// An input or output: any number of pictures, and what there is for each.
fn value(name: &str, shape: &[usize]) -> ValueInfoProto {
    let sizes = shape.iter().map(|size| DimensionValue::DimValue(*size as i64));
    let dim = std::iter::once(DimensionValue::DimParam("N".into())).chain(sizes);
    let dim = dim.map(|value| Dimension { value: Some(value) }).collect();
    let tensor = TensorTypeProto { elem_type: DataType::Float.into(), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}
