import type {
  ModelConfigResponse,
  ModelMetadataResponse,
  ModelMetadataResponse_TensorMetadata,
} from "../../../generated/ts/inference/grpc_service.js";
import { DataType, ModelConfig, ModelInput, ModelOutput } from "../../../generated/ts/inference/model_config.js";
import type { Datatype } from "../../contract/datatype.js";
import type { TensorSpec } from "../../contract/signature.js";
import type { Repository } from "../../serving/inference.js";
import { findModel, readySignature, selectModels } from "./models.js";

const PLATFORM = "onnxruntime_onnx";
const BACKEND = "onnxruntime";

const DATA_TYPES: Record<Datatype, DataType> = {
  BOOL: DataType.TYPE_BOOL,
  UINT8: DataType.TYPE_UINT8,
  UINT16: DataType.TYPE_UINT16,
  UINT32: DataType.TYPE_UINT32,
  UINT64: DataType.TYPE_UINT64,
  INT8: DataType.TYPE_INT8,
  INT16: DataType.TYPE_INT16,
  INT32: DataType.TYPE_INT32,
  INT64: DataType.TYPE_INT64,
  FP16: DataType.TYPE_FP16,
  FP32: DataType.TYPE_FP32,
  FP64: DataType.TYPE_FP64,
  BYTES: DataType.TYPE_STRING,
};

/** What a caller asks about. */
export interface ModelQuery {
  readonly name: string;
  /** Empty: the server chooses. */
  readonly version: string;
}

/** Names, datatypes and whole shapes of a model's tensors. @throws Fault UNKNOWN_MODEL, UNKNOWN_REVISION, NOT_READY */
export function modelMetadata(repository: Repository, query: ModelQuery): ModelMetadataResponse {
  const model = findModel(repository, query.name, query.version);
  const signature = readySignature(model);
  return {
    name: model.contract,
    versions: selectModels(repository, query.name, "")
      .filter(({ state }) => state === "READY")
      .map(({ revision }) => revision),
    platform: PLATFORM,
    inputs: signature.inputs.map(toTensorMetadata),
    outputs: signature.outputs.map(toTensorMetadata),
  };
}

/** How a model is set up, in Triton's terms. @throws Fault UNKNOWN_MODEL, UNKNOWN_REVISION, NOT_READY */
export function modelConfig(repository: Repository, query: ModelQuery): ModelConfigResponse {
  const model = findModel(repository, query.name, query.version);
  const signature = readySignature(model);
  const batched = model.maxBatchRows > 1;
  const config = ModelConfig.fromPartial({
    name: model.contract,
    platform: PLATFORM,
    backend: BACKEND,
    versionPolicy: { all: {} },
    maxBatchSize: batched ? model.maxBatchRows : 0,
    input: signature.inputs.map((spec) => ModelInput.fromPartial(toConfigTensor(spec, batched))),
    output: signature.outputs.map((spec) => ModelOutput.fromPartial(toConfigTensor(spec, batched))),
    dynamicBatching: batched ? {} : undefined,
    modelTransactionPolicy: { decoupled: false },
    parameters: {
      "flotilla.revision": { stringValue: model.revision },
      "flotilla.digest": { stringValue: model.digest ?? "" },
    },
  });
  return { config };
}

function toTensorMetadata({ name, datatype, shape }: TensorSpec): ModelMetadataResponse_TensorMetadata {
  return { name, datatype, shape: [...shape] };
}

/** Triton leaves the batch dimension out of `dims` where it batches. */
function toConfigTensor({ name, datatype, shape }: TensorSpec, batched: boolean) {
  return { name, dataType: DATA_TYPES[datatype], dims: batched ? shape.slice(1) : [...shape] };
}
