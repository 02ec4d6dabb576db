import {
  type DescField,
  type DescMessage,
  type DescService,
  getOption,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import type {
  ColumnField,
  LabelField,
  MessageBinding,
  RecordBinding,
  ScalarKind,
  StateBinding,
  TensorField,
} from "./binding.js";
import { DATATYPES, type Datatype } from "./datatype.js";

/** Says what is wrong with one binding; `where` is the field, message or service. */
export type Report = (where: string, message: string) => void;

/** The values of our options, as @bufbuild/protobuf gives them for messages it has no generated types for. */
interface TensorOption {
  name: string;
  shape: bigint[];
  datatype: number;
  finite: boolean;
  overlap: number;
}
interface ColumnOption {
  tensor: string;
  index?: number;
  datatype: number;
  finite: boolean;
  width: number;
}
interface LabelOption {
  tensor: string;
  argmax: boolean;
  names: string[];
  datatype: number;
}
interface ClassOption {
  class: { case: "id"; value: bigint } | { case: "name"; value: string } | { case: undefined };
}
interface StateOption {
  input: string;
  output: string;
  shape: bigint[];
  datatype: number;
}

const SCALARS: Record<ScalarType, ScalarKind> = {
  [ScalarType.DOUBLE]: "double",
  [ScalarType.FLOAT]: "float",
  [ScalarType.INT64]: "int64",
  [ScalarType.UINT64]: "uint64",
  [ScalarType.INT32]: "int32",
  [ScalarType.FIXED64]: "fixed64",
  [ScalarType.FIXED32]: "fixed32",
  [ScalarType.BOOL]: "bool",
  [ScalarType.STRING]: "string",
  [ScalarType.BYTES]: "bytes",
  [ScalarType.UINT32]: "uint32",
  [ScalarType.SFIXED32]: "sfixed32",
  [ScalarType.SFIXED64]: "sfixed64",
  [ScalarType.SINT32]: "sint32",
  [ScalarType.SINT64]: "sint64",
};

/** Datatypes that a field of each type can be; the first is the default. `bytes` has none: its binding says it. */
const DATATYPES_OF: Record<ScalarKind, readonly Datatype[]> = {
  double: ["FP64"],
  float: ["FP32"],
  int32: ["INT32", "INT16", "INT8"],
  sint32: ["INT32", "INT16", "INT8"],
  sfixed32: ["INT32"],
  uint32: ["UINT32", "UINT16", "UINT8"],
  fixed32: ["UINT32"],
  int64: ["INT64"],
  sint64: ["INT64"],
  sfixed64: ["INT64"],
  uint64: ["UINT64"],
  fixed64: ["UINT64"],
  bool: ["BOOL"],
  string: ["BYTES"],
  bytes: DATATYPES.filter((datatype) => datatype !== "BYTES"),
};

const SHAPED_PACKAGE = "flotilla.v1.";

/** Reads the options of `flotilla/v1/options.proto` from descriptors whose registry knows them. */
export class BindingReader {
  readonly #registry: Registry;
  readonly #report: Report;

  constructor(registry: Registry, report: Report) {
    this.#registry = registry;
    this.#report = report;
  }

  /** How a request or response binds. A message with no binding at all has no tensors and no records. */
  message(message: DescMessage): MessageBinding {
    const tensors: TensorField[] = [];
    const records: RecordBinding[] = [];
    for (const field of message.fields) {
      const option = this.#option<TensorOption>(field, "tensor");
      if (option) tensors.push(...this.#tensor(field, option));
      else if (field.message && !field.message.typeName.startsWith(SHAPED_PACKAGE)) {
        const record = this.#record(field, field.message);
        if (record) records.push(record);
      }
    }
    return { tensors, records };
  }

  /** The tensors that a service's streams carry on. */
  states(service: DescService): StateBinding[] {
    const options = this.#option<StateOption[]>(service, "state") ?? [];
    return options.map((option) => {
      const shape = option.shape.map(Number);
      if (shape.some((dimension) => dimension < 1)) {
        this.#report(
          service.typeName,
          `state "${option.input}": shape [${shape.join(", ")}] has a dimension that is not fixed`,
        );
      }
      return { input: option.input, output: option.output, shape, datatype: toDatatype(option.datatype) ?? "FP32" };
    });
  }

  /** Whether callers may keep what a service's streams carry. */
  resumable(service: DescService): boolean {
    return this.#option<boolean>(service, "resumable") ?? false;
  }

  #option<T>(of: DescField | DescService, name: string): T | undefined {
    const extension = this.#registry.getExtension(`flotilla.v1.${name}`);
    if (!extension) return undefined;
    const value = getOption(of, extension) as T;
    const unset = Array.isArray(value) ? value.length === 0 : !isSet(of, extension.number);
    return unset ? undefined : value;
  }

  #tensor(field: DescField, option: TensorOption): TensorField[] {
    const where = `${field.parent.typeName}.${field.name}`;
    const lie = this.#form(field);
    if (!lie) {
      this.#report(
        where,
        "a tensor is a scalar, `repeated`, `bytes` or flotilla.v1 tensor field, not a map, enum or other message",
      );
      return [];
    }
    const datatype = this.#datatype(where, lie.scalar, option.datatype);
    const shape = option.shape.map(Number);
    const free = shape.filter((dimension) => dimension === -1).length;
    if (!option.name) this.#report(where, "the tensor binding has no `name`; say which input or output it is");
    if (shape.some((dimension) => dimension < 1 && dimension !== -1)) {
      this.#report(where, `shape [${shape.join(", ")}]: dimensions are positive, or -1 where each call chooses`);
    }
    if (free > 1 && lie.form !== "shaped") {
      this.#report(
        where,
        `shape [${shape.join(", ")}] has ${free} free dimensions; use a shaped message such as flotilla.v1.FloatTensor`,
      );
    }
    const fixedLast = shape.slice(0, -1).every((dimension) => dimension === 1) && (shape.at(-1) ?? 0) > option.overlap;
    if (option.overlap > 0 && !fixedLast) {
      this.#report(where, `overlap ${option.overlap} needs a fixed last dimension that is larger, and 1 before it`);
    }
    if (lie.form === "scalar" && shape.some((dimension) => dimension !== 1)) {
      this.#report(where, `one value can't be a tensor of shape [${shape.join(", ")}]; make the field repeated`);
    }
    return [
      {
        field: field.name,
        number: field.number,
        tensor: option.name,
        datatype,
        shape,
        finite: option.finite,
        overlap: option.overlap,
        scalar: lie.scalar,
        form: lie.form,
        optional: field.proto.proto3Optional,
      },
    ];
  }

  #form(field: DescField): { form: TensorField["form"]; scalar: ScalarKind } | undefined {
    if (field.fieldKind === "scalar") {
      const scalar = SCALARS[field.scalar];
      return { form: scalar === "bytes" ? "bytes" : "scalar", scalar };
    }
    if (field.fieldKind === "list" && field.listKind === "scalar" && field.scalar !== ScalarType.BYTES) {
      return { form: "repeated", scalar: SCALARS[field.scalar] };
    }
    if (field.fieldKind !== "message" || !field.message.typeName.startsWith(SHAPED_PACKAGE)) return undefined;
    const values = field.message.fields.find((inner) => inner.name === "values");
    if (values?.scalar === undefined) return undefined;
    return { form: "shaped", scalar: SCALARS[values.scalar] };
  }

  #datatype(where: string, scalar: ScalarKind, option: number): Datatype {
    const allowed = DATATYPES_OF[scalar];
    const said = toDatatype(option);
    if (!said && scalar === "bytes")
      this.#report(where, "a `bytes` tensor needs `datatype` in its binding, such as DATATYPE_UINT8");
    if (said && !allowed.includes(said)) {
      this.#report(where, `a ${scalar} field can't be ${said}; it can be ${allowed.join(", ")}`);
    }
    return said ?? allowed[0]!;
  }

  #record(field: DescField, message: DescMessage): RecordBinding | undefined {
    const columns: ColumnField[] = [];
    const labels: LabelField[] = [];
    for (const inner of message.fields) {
      const column = this.#option<ColumnOption>(inner, "column");
      if (column) columns.push(...this.#column(inner, column));
      const label = this.#option<LabelOption>(inner, "label");
      if (label) labels.push(this.#label(inner, label));
    }
    if (columns.length + labels.length === 0) return undefined;
    if (field.fieldKind === "map")
      this.#report(`${field.parent.typeName}.${field.name}`, "a map can't hold records; use `repeated`");
    return { field: field.name, number: field.number, repeated: field.fieldKind === "list", columns, labels };
  }

  #column(field: DescField, option: ColumnOption): ColumnField[] {
    const where = `${field.parent.typeName}.${field.name}`;
    const repeated = field.fieldKind === "list";
    if (field.scalar === undefined || field.fieldKind === "map" || field.scalar === ScalarType.BYTES) {
      this.#report(where, "a column is a number, a bool or a string");
      return [];
    }
    const scalar = SCALARS[field.scalar];
    if (repeated && option.index !== undefined)
      this.#report(where, "a repeated field is the whole row: it has no index");
    const datatype = toDatatype(option.datatype) ?? DATATYPES_OF[scalar][0]!;
    const mixed = (scalar === "string") !== (datatype === "BYTES") || datatype === "FP16";
    if (mixed || (repeated && !DATATYPES_OF[scalar].includes(datatype))) {
      this.#report(where, `a ${repeated ? "repeated " : ""}${scalar} column can't be ${datatype}`);
    }
    if (repeated && scalar === "string")
      this.#report(where, "a whole row of strings has no field type; bind each column");
    return [
      {
        field: field.name,
        number: field.number,
        tensor: option.tensor,
        datatype,
        index: option.index,
        width: option.width,
        finite: option.finite,
        scalar,
        repeated,
        optional: field.proto.proto3Optional,
      },
    ];
  }

  #label(field: DescField, option: LabelOption): LabelField {
    const where = `${field.parent.typeName}.${field.name}`;
    const values = field.fieldKind === "enum" ? this.#classes(field) : undefined;
    if (!values && !(field.fieldKind === "scalar" && field.scalar === ScalarType.STRING)) {
      this.#report(where, "a label is an enum or a string");
    }
    const named = values ? [...values.keys()].some((key) => typeof key === "string") : option.names.length === 0;
    const fallback = option.argmax ? "FP32" : named ? "BYTES" : "INT64";
    return {
      field: field.name,
      number: field.number,
      tensor: option.tensor,
      datatype: toDatatype(option.datatype) ?? fallback,
      argmax: option.argmax,
      values,
      names: option.names,
    };
  }

  #classes(field: DescField & { fieldKind: "enum" }): Map<number | string, number> {
    const classes = new Map<number | string, number>();
    const extension = this.#registry.getExtension("flotilla.v1.class");
    for (const value of extension ? field.enum.values : []) {
      const option = getOption(value, extension!) as ClassOption;
      if (option.class.case === "id") classes.set(Number(option.class.value), value.number);
      if (option.class.case === "name") classes.set(option.class.value, value.number);
    }
    if (classes.size === 0) {
      this.#report(
        `${field.parent.typeName}.${field.name}`,
        `no value of ${field.enum.typeName} has the option (flotilla.v1.class)`,
      );
    }
    return classes;
  }
}

function isSet(of: DescField | DescService, extensionNumber: number): boolean {
  return of.proto.options?.$unknown?.some((unknown) => unknown.no === extensionNumber) ?? false;
}

/** `flotilla.v1.Datatype` lists the datatypes in the order of `DATATYPES`, from 1. */
function toDatatype(number: number): Datatype | undefined {
  return DATATYPES[number - 1];
}
