//! The one method of the Open Inference Protocol that is measured; tonic's own generator would want protoc.
use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let infer = Method::builder()
        .name("model_infer")
        .route_name("ModelInfer")
        .input_type("crate::open_inference::ModelInferRequest")
        .output_type("crate::open_inference::ModelInferResponse")
        .codec_path("tonic_prost::ProstCodec")
        .build();
    let service = Service::builder()
        .name("GRPCInferenceService")
        .package("inference")
        .method(infer)
        .build();
    Builder::new().build_client(false).compile(&[service]);
}
