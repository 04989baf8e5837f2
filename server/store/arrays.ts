/** A PostgreSQL array of values that need no quoting, or have it; `undefined` is NULL. */
export const listOf = (values: readonly (string | number | undefined)[]): string =>
  `{${values.map((value) => value ?? 'NULL').join()}}`;

/** A list of byte strings as PostgreSQL's text form of `bytea[]`, which the driver passes on as it is. */
export function byteaArray(list: readonly Uint8Array[]): string {
  return `{${list.map((bytes) => `"\\\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}"`).join()}}`;
}
