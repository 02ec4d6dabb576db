interface ClusterErrorOptions {
  readonly unanswered?: boolean;
  readonly conflict?: boolean;
  /** The cluster itself has a problem, such as a webhook that does not answer. */
  readonly failing?: boolean;
}

/** Why something could not be asked of a cluster, or was refused: which object, which verb, and what to do. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  /** Whether the cluster gave no answer at all, so that it makes no sense to ask for more. */
  readonly unanswered: boolean;
  /** Whether the object is not what it was any more. */
  readonly conflict: boolean;
  /** Whether the same may work in a moment. */
  readonly passing: boolean;

  constructor(message: string, options: ClusterErrorOptions = {}) {
    super(message);
    const { unanswered = false, conflict = false, failing = false } = options;
    this.unanswered = unanswered;
    this.conflict = conflict;
    this.passing = unanswered || conflict || failing;
  }
}
