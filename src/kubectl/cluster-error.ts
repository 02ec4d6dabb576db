/** Why something could not be asked of a cluster, or was refused: which object, which verb, and what to do. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  /** Whether the cluster gave no answer at all, so that it makes no sense to ask for more. */
  readonly unanswered: boolean;

  constructor(message: string, options: { readonly unanswered?: boolean } = {}) {
    super(message);
    this.unanswered = options.unanswered ?? false;
  }
}
