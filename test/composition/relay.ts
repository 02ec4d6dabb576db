interface Clients {
  readonly scale: { predict(request: object): Promise<object> };
}

/** A composition that asks one contract and says what it said. */
export default {
  clients: { scale: "test.scale.v1" },
  methods: {
    predict: (request: object, { scale }: Clients) => scale.predict(request),
    predictStream: (request: object, { scale }: Clients) => scale.predict(request),
  },
};
