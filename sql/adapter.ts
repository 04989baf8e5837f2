/** What pgtyped writes about a query beside its types. */
interface QueryDescription {
  readonly statement: string;
  readonly params: readonly {
    readonly name: string;
    readonly transform: { readonly type: string };
    /** Where the parameter stands in the statement, first and last character. */
    readonly locs: readonly { readonly a: number; readonly b: number }[];
  }[];
}

/** A connection, a transaction or a pool of the `postgres` package. */
export interface Database {
  unsafe(text: string, values: never[], options: { prepare: true }): PromiseLike<unknown>;
}

/**
 * A query of `sql/queries/`, with the types of its parameters and rows. Stands in the place of pgtyped's own runtime:
 * the text is built once, and the database keeps it as a prepared statement per connection.
 */
export class PreparedQuery<Params, Row> {
  readonly #text: string;
  readonly #names: readonly string[];

  constructor(description: QueryDescription) {
    const unsupported = description.params.find((param) => param.transform.type !== 'scalar');
    if (unsupported !== undefined)
      throw new Error(`parameter ${unsupported.name}: only plain values; write = any(:${unsupported.name}) for lists`);
    this.#names = description.params.map((param) => param.name);
    const places = description.params.flatMap((param, index) =>
      param.locs.map((loc) => ({ ...loc, number: index + 1 })),
    );
    // From the end, so that earlier places keep their offsets.
    places.sort((left, right) => right.a - left.a);
    this.#text = places.reduce(
      (text, place) => `${text.slice(0, place.a)}$${place.number}${text.slice(place.b + 1)}`,
      description.statement,
    );
  }

  /** All rows. `sql` is what a gate or a transaction hands out. */
  async run(params: Params, sql: Database): Promise<Row[]> {
    const values = this.#names.map((name) => (params as Record<string, unknown>)[name] ?? null);
    return (await sql.unsafe(this.#text, values as never[], { prepare: true })) as Row[];
  }
}
