//! A server of one ONNX model in Rust, on tonic: what is possible with no garbage to collect.
//!
//! Reads PEER_ONNX_RUNTIME (its shared library), PEER_MODEL, PEER_PORT, PEER_THREADS (of one run) and PEER_WORKERS (runs at a time) from the environment.
mod open_inference;
mod sessions;

use std::{env, error::Error, net::SocketAddr, sync::Arc};

use open_inference::{ModelInferRequest, ModelInferResponse};
use sessions::Sessions;
use tonic::{Request, Response, Status, transport::Server};

mod service {
    include!(concat!(
        env!("OUT_DIR"),
        "/inference.GRPCInferenceService.rs"
    ));
}
use service::g_r_p_c_inference_service_server::{GRPCInferenceService, GRPCInferenceServiceServer};

const MAX_MESSAGE_BYTES: usize = 64 << 20;
/// As Flotilla has them: HTTP/2's own 64 KiB make callers of large tensors wait.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
const MAX_FRAME_BYTES: u32 = 1 << 20;

struct Inference(Arc<Sessions>);

#[tonic::async_trait]
impl GRPCInferenceService for Inference {
    async fn model_infer(
        &self,
        request: Request<ModelInferRequest>,
    ) -> Result<Response<ModelInferResponse>, Status> {
        self.0.infer(request.into_inner()).await.map(Response::new)
    }
}

fn setting(name: &str) -> Result<usize, Box<dyn Error>> {
    Ok(env::var(name)
        .map_err(|_| format!("{name} is not set"))?
        .parse()?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let workers = setting("PEER_WORKERS")?.max(1);
    let environment = ort::init_from(env::var("PEER_ONNX_RUNTIME")?)?.build()?;
    let sessions = Sessions::load(
        &environment,
        &env::var("PEER_MODEL")?,
        workers,
        setting("PEER_THREADS")?,
    )?;
    let address: SocketAddr = format!("127.0.0.1:{}", setting("PEER_PORT")?).parse()?;
    let service = GRPCInferenceServiceServer::new(Inference(Arc::new(sessions)))
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .add_service(service)
        .serve(address)
        .await?;
    Ok(())
}
