import { placeContract } from "./contract-name.js";
import { renderProto } from "./proto-source.js";

/**
 * The text of a .proto for a composition: a service with a method for each that it answers, and their messages, which
 * are the composition's author's to fill.
 * @param methods `Read`
 * @param source file name of the module, for the comment at the top
 */
export function writeCompositionContract(
  name: string,
  { methods, source }: { readonly methods: readonly string[]; readonly source: string },
): string {
  const { service, model } = placeContract(name);
  return renderProto({
    comment: `The contract of the composition ${model.replaceAll("_", " ")}, first written for ${source}.`,
    package: name,
    imports: [],
    declarations: [
      {
        kind: "service",
        name: service,
        comment: `${service} answers by calling other contracts.`,
        methods: methods.map((method) => ({ name: method, comment: `${method} answers one request.` })),
      },
      ...methods.flatMap((method) => [
        message(`${method}Request`, "holds what callers send: give it fields."),
        message(`${method}Response`, "holds the answer: give it fields."),
      ]),
    ],
  });
}

function message(name: string, says: string) {
  return { kind: "message", name, comment: `${name} ${says}`, fields: [] } as const;
}
