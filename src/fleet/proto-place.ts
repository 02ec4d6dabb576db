import type { DescEnum, DescEnumValue, DescField, DescMessage, DescService } from "@bufbuild/protobuf";

/** Where something is written in a .proto. */
export interface ProtoPlace {
  /** Path below the proto folder. */
  readonly file: string;
  /** From 1; 0 where the image has no source info. */
  readonly line: number;
  /** From 1; 0 where the image has no source info. */
  readonly column: number;
}

/** Where a field, an enum's value or a service is written, by the source info of the image that it was read from. */
export function placeOf(described: DescField | DescEnumValue | DescService): ProtoPlace {
  const file = described.kind === "service" ? described.file : described.parent.file;
  const wanted = pathOf(described).join();
  const location = file.proto.sourceCodeInfo?.location.find(({ path }) => path.join() === wanted);
  const [line = -1, column = -1] = location?.span ?? [];
  return { file: file.proto.name, line: line + 1, column: column + 1 };
}

/**
 * The way through a file's descriptor: numbers of fields of FileDescriptorProto, DescriptorProto and
 * EnumDescriptorProto, each followed by a place in it.
 * @see google/protobuf/descriptor.proto, SourceCodeInfo.Location.path
 */
function pathOf(described: DescField | DescEnumValue | DescService | DescMessage | DescEnum): number[] {
  switch (described.kind) {
    case "field":
      return [...pathOf(described.parent), 2, described.parent.proto.field.indexOf(described.proto)];
    case "enum_value":
      return [...pathOf(described.parent), 2, described.parent.proto.value.indexOf(described.proto)];
    case "service":
      return [6, described.file.proto.service.indexOf(described.proto)];
    case "message":
      if (described.parent)
        return [...pathOf(described.parent), 3, described.parent.proto.nestedType.indexOf(described.proto)];
      return [4, described.file.proto.messageType.indexOf(described.proto)];
    case "enum":
      if (described.parent)
        return [...pathOf(described.parent), 4, described.parent.proto.enumType.indexOf(described.proto)];
      return [5, described.file.proto.enumType.indexOf(described.proto)];
  }
}
