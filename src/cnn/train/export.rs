//! A network as an ONNX file.

use prost::Message;

use super::network::{EMBEDDING, Pool, STAGES, Weights};
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
    let mut seen = Recipe::INPUT.to_owned();
    let (_, mut rows, _) = recipe.shape();
    let parameters = Weights::ends(recipe.channels.len()).zip(&weights.stages);
    for (number, ((inputs, outputs, stage), (weight, bias))) in parameters.enumerate() {
        let name = |what: &str| format!("stage{}.{what}", number + 1);
        let [height, width] = stage.kernel;
        let weight = graph.numbers(name("weight"), &[outputs, inputs, height, width], weight);
        let bias = graph.numbers(name("bias"), &[outputs], bias);
        let (up, right) = (height / 2, width / 2);
        let attributes = vec![
            integers("kernel_shape", &[height, width]),
            integers("strides", &stage.stride),
            integers("pads", &[up, right, up, right]),
        ];
        seen = graph.node("Conv", vec![seen, weight, bias], name("convolution"), attributes);
        seen = graph.node("Relu", vec![seen], name("lit"), vec![]);
        rows = (rows - 1) / stage.stride[0] + 1;
        let pool = match stage.pool {
            Pool::None => continue,
            Pool::Pitches => [std::mem::replace(&mut rows, 1), 1],
            Pool::Times(times) => [1, times],
        };
        let attributes = vec![integers("kernel_shape", &pool), integers("strides", &pool)];
        seen = graph.node("MaxPool", vec![seen], name("pool"), attributes);
    }
    let mean = graph.node("GlobalAveragePool", vec![seen.clone()], "mean".into(), vec![]);
    let most = graph.node("GlobalMaxPool", vec![seen], "most".into(), vec![]);
    let both = graph.node("Concat", vec![mean, most], "both".into(), vec![integer("axis", 1)]);
    let embedding = graph.node("Flatten", vec![both], Recipe::EMBEDDING.into(), vec![integer("axis", 1)]);
    let weight = graph.numbers("sum.weight".into(), &[EMBEDDING, 1], &weights.dense);
    let bias = graph.numbers("sum.bias".into(), &[1], &[weights.offset]);
    graph.node("Gemm", vec![embedding, weight, bias], Recipe::LOGIT.into(), vec![]);

    let (channels, pitches, columns) = recipe.shape();
    let graph = GraphProto {
        node: graph.nodes,
        name: "judge".into(),
        initializer: graph.initializers,
        input: vec![value(Recipe::INPUT, &[channels, pitches, columns])],
        output: vec![value(Recipe::LOGIT, &[1]), value(Recipe::EMBEDDING, &[EMBEDDING])],
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

const _: () = assert!(STAGES.len() > 1);
