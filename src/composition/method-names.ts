/** A method's name as ts-proto writes it in code: `Read` is `read`, `PredictStream` is `predictStream`. */
export function codeName(method: string): string {
  return method.charAt(0).toLowerCase() + method.slice(1);
}

/** The same back: `read` is `Read`. */
export function methodName(inCode: string): string {
  return inCode.charAt(0).toUpperCase() + inCode.slice(1);
}
