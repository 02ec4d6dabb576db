import type { IVirtualService } from "@kubernetes-models/istio/networking.istio.io/v1/VirtualService";

/** A route of a VirtualService. */
export type HttpRoute = NonNullable<NonNullable<IVirtualService["spec"]>["http"]>[number];
