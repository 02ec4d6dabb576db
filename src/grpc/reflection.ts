import {
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import {
  type ServerReflectionRequest,
  ServerReflectionResponse,
  ServerReflectionService as V1,
} from "../../generated/ts/grpc/reflection/v1/reflection.js";
import { ServerReflectionService as V1Alpha } from "../../generated/ts/grpc/reflection/v1alpha/reflection.js";
import { ReflectionIndex } from "./reflection-index.js";

/** What `server.addService` takes. */
export interface ReflectionService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

type Answer = Partial<ServerReflectionResponse>;
type ReflectionCall = ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponse>;

/** How reflection is served. */
export interface ReflectionOptions {
  /** Which of the images' services to list, by full name. What is not listed is still described. @default all */
  readonly isServed?: (service: string) => boolean;
  /** Once aborted, open streams end: an idle one would hold up the server's end. */
  readonly draining?: AbortSignal;
}

/**
 * Server reflection, v1 and v1alpha. Descriptors are those of the images, options and all.
 * @param images serialized `FileDescriptorSet`s with all imports, as `buf build` writes them; where several hold a file
 * of the same name, the first one counts
 * @throws Error where an image lacks an import
 */
export function reflectionServices(
  images: readonly Uint8Array[],
  { isServed = () => true, draining }: ReflectionOptions = {},
): ReflectionService[] {
  const index = new ReflectionIndex(images);
  const services = index.services.filter(isServed);
  const serverReflectionInfo = (call: ReflectionCall) => {
    const end = () => {
      draining?.removeEventListener("abort", end);
      call.end();
    };
    // One answer for each question, in order, and none faster than the caller takes them.
    call.on("data", (request: ServerReflectionRequest) => {
      const answered = ServerReflectionResponse.fromPartial({
        validHost: request.host,
        originalRequest: request,
        ...answer(index, services, request),
      });
      if (!call.write(answered)) call.pause();
    });
    call.on("drain", () => call.resume());
    call.on("end", end);
    call.on("cancelled", end);
    if (draining?.aborted) end();
    else draining?.addEventListener("abort", end);
  };
  return [V1, V1Alpha].map((definition) => ({ definition, implementation: { serverReflectionInfo } }));
}

function answer(index: ReflectionIndex, services: readonly string[], request: ServerReflectionRequest): Answer {
  if (request.fileByFilename !== undefined) {
    return files(index.file(request.fileByFilename), `file "${request.fileByFilename}"`);
  }
  if (request.fileContainingSymbol !== undefined) {
    return files(index.fileOfSymbol(request.fileContainingSymbol), `symbol "${request.fileContainingSymbol}"`);
  }
  if (request.fileContainingExtension !== undefined) {
    const { containingType, extensionNumber } = request.fileContainingExtension;
    const found = index.fileOfExtension(containingType, extensionNumber);
    return files(found, `extension ${extensionNumber} of "${containingType}"`);
  }
  if (request.allExtensionNumbersOfType !== undefined) {
    const baseTypeName = request.allExtensionNumbersOfType;
    const extensionNumber = index.extensionNumbers(baseTypeName);
    return extensionNumber
      ? { allExtensionNumbersResponse: { baseTypeName, extensionNumber } }
      : notFound(`message "${baseTypeName}"`);
  }
  if (request.listServices !== undefined) {
    return { listServicesResponse: { service: services.map((name) => ({ name })) } };
  }
  return {
    errorResponse: {
      errorCode: status.INVALID_ARGUMENT,
      errorMessage: "the request asks nothing: message_request is not set",
    },
  };
}

function files(found: readonly Buffer[] | undefined, what: string): Answer {
  if (!found) return notFound(what);
  return { fileDescriptorResponse: { fileDescriptorProto: [...found] } };
}

function notFound(what: string): Answer {
  return { errorResponse: { errorCode: status.NOT_FOUND, errorMessage: `${what} is not known to this server` } };
}
