/** An object of the Kubernetes API as manifests state it. Each function of this folder returns one with its own type. */
export interface MeshObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
}
