import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../server/testing/database.ts';
import { PreparedQuery } from './adapter.ts';

function scalar(name: string, ...starts: number[]) {
  return { name, transform: { type: 'scalar' }, locs: starts.map((a) => ({ a, b: a + name.length })) };
}

test('parameters reach the database by name, also when used twice, and columns come back in camel case without hints', async () => {
  await using db = await testDatabase();
  const statement =
    'select :b::int8 as "big_value!", :a::text || :a as twice, :none::text as "gone?", :raw::bytea as raw, :list::int8[] as list';
  const at = (name: string): number[] =>
    [...statement.matchAll(new RegExp(`:${name}\\b`, 'g'))]
      .map((match) => match.index)
      .filter((index) => statement[index - 1] !== ':');
  const names = ['a', 'b', 'none', 'raw', 'list'];
  const query = new PreparedQuery<Record<string, unknown>, Record<string, unknown>>({
    statement,
    params: names.map((name) => scalar(name, ...at(name))),
  });
  const params = { a: 'x', b: 2 ** 40, raw: new Uint8Array([0, 255]), list: [1, 2 ** 40] };
  for (let round = 0; round < 2; round += 1) {
    const rows = await query.run(params, db.sql);
    assert.deepEqual(
      [...rows],
      [{ bigValue: 2 ** 40, twice: 'xx', gone: null, raw: Buffer.from([0, 255]), list: [1, 2 ** 40] }],
    );
  }
});

test('an int8 that is no safe integer is an error, and the connection lives on', async () => {
  await using db = await testDatabase();
  await assert.rejects(db.sql`select 9007199254740993 as n`, RangeError);
  const [row] = await db.sql<{ n: number }[]>`select 9007199254740991 as n`;
  assert.equal(row?.n, Number.MAX_SAFE_INTEGER);
});

test('parameters that pgtyped would expand are refused', () => {
  const description = {
    statement: 'select :ids',
    params: [{ name: 'ids', transform: { type: 'array_spread' }, locs: [] }],
  };
  assert.throws(() => new PreparedQuery(description), /ids.*any\(:ids\)/);
});
