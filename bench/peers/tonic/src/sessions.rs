//! ONNX Runtime: as many sessions of a model as runs may go on at a time.
use std::sync::Mutex;

use ort::environment::Environment;
use ort::session::{Session, SessionInputValue, builder::GraphOptimizationLevel};
use ort::value::{DynValue, Tensor, TensorElementType, ValueType};
use prost::bytes::Bytes;
use tokio::sync::Semaphore;
use tonic::Status;

use crate::open_inference::{InferTensor, ModelInferRequest, ModelInferResponse};

pub struct Sessions {
    idle: Mutex<Vec<Session>>,
    free: Semaphore,
}

impl Sessions {
    pub fn load(
        environment: &Environment,
        model: &str,
        count: usize,
        threads: usize,
    ) -> ort::Result<Self> {
        let session = || {
            Session::builder(environment)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(threads)?
                .commit_from_file(model)
        };
        let idle = (0..count)
            .map(|_| session())
            .collect::<ort::Result<Vec<_>>>()?;
        Ok(Self {
            idle: Mutex::new(idle),
            free: Semaphore::new(count),
        })
    }

    /// Waits for a session and runs it on this thread, whose other work tokio hands on.
    pub async fn infer(&self, request: ModelInferRequest) -> Result<ModelInferResponse, Status> {
        let _permit = self.free.acquire().await.map_err(internal)?;
        let mut session = self.idle.lock().unwrap().pop().unwrap();
        let answer = tokio::task::block_in_place(|| run(&mut session, request));
        self.idle.lock().unwrap().push(session);
        answer
    }
}

fn run(session: &mut Session, request: ModelInferRequest) -> Result<ModelInferResponse, Status> {
    let inputs = request.inputs.iter().zip(&request.raw_input_contents);
    let values = inputs
        .map(|(tensor, raw)| {
            Ok((
                tensor.name.as_str(),
                SessionInputValue::from(to_value(tensor, raw)?),
            ))
        })
        .collect::<Result<Vec<_>, Status>>()?;
    let results = session.run(values).map_err(internal)?;
    let mut answer = ModelInferResponse {
        model_name: request.model_name,
        ..Default::default()
    };
    for (name, value) in results.iter() {
        let Some((tensor, raw)) = from_value(name, &value)? else {
            continue;
        };
        answer.outputs.push(tensor);
        answer.raw_output_contents.push(raw);
    }
    Ok(answer)
}

fn to_value(tensor: &InferTensor, raw: &Bytes) -> Result<DynValue, Status> {
    let shape = tensor.shape.clone();
    match tensor.datatype.as_str() {
        "FP32" => {
            let data: Vec<f32> = raw
                .as_chunks::<4>()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect();
            Ok(Tensor::from_array((shape, data))
                .map_err(invalid)?
                .into_dyn())
        }
        "INT64" => {
            let data: Vec<i64> = raw
                .as_chunks::<8>()
                .0
                .iter()
                .map(|bytes| i64::from_le_bytes(*bytes))
                .collect();
            Ok(Tensor::from_array((shape, data))
                .map_err(invalid)?
                .into_dyn())
        }
        other => Err(Status::unimplemented(format!(
            "expected FP32 or INT64, got {other}"
        ))),
    }
}

/// The tensors of floats and integers; a classifier's maps are nobody's answer here.
fn from_value(name: &str, value: &DynValue) -> Result<Option<(InferTensor, Bytes)>, Status> {
    let ValueType::Tensor { ty, .. } = value.dtype() else {
        return Ok(None);
    };
    let (shape, datatype, raw) = match ty {
        TensorElementType::Float32 => {
            let (shape, data) = value.try_extract_tensor::<f32>().map_err(internal)?;
            (
                shape.to_vec(),
                "FP32",
                data.iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect::<Vec<u8>>(),
            )
        }
        TensorElementType::Int64 => {
            let (shape, data) = value.try_extract_tensor::<i64>().map_err(internal)?;
            (
                shape.to_vec(),
                "INT64",
                data.iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect::<Vec<u8>>(),
            )
        }
        _ => return Ok(None),
    };
    Ok(Some((
        InferTensor {
            name: name.into(),
            datatype: datatype.into(),
            shape,
        },
        raw.into(),
    )))
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

fn invalid(error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(error.to_string())
}
