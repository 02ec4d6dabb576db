import type { CommandTable } from "../run-commands.js";

/** The verbs of the plugin, in the order of its help. Each module is loaded only when it is asked for. */
export const KUBECTL_COMMANDS: CommandTable = {
  status: async () => (await import("./status.js")).createStatusCommand(),
  canary: async () => (await import("./canary.js")).createCanaryCommand(),
  promote: async () => (await import("./promote.js")).createPromoteCommand(),
  rollback: async () => (await import("./rollback.js")).createRollbackCommand(),
  shadow: async () => (await import("./shadow.js")).createShadowCommand(),
  cohort: async () => (await import("./cohort.js")).createCohortCommand(),
  rollout: async () => (await import("./rollout.js")).createRolloutCommand(),
  hops: async () => (await import("./hops.js")).createHopsCommand(),
  inventory: async () => (await import("./inventory.js")).createInventoryCommand(),
  dashboard: async () => (await import("./dashboard.js")).createDashboardCommand(),
  pin: async () => (await import("./pin.js")).createPinCommand(),
  history: async () => (await import("./history.js")).createHistoryCommand(),
};
