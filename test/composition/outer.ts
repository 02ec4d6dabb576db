/** A composition that asks a composition. */
export default {
  clients: { chain: "test.chain.v1" },
  methods: {
    join: (request: object, { chain }: { readonly chain: { join(request: object): Promise<object> } }) =>
      chain.join(request),
  },
};
